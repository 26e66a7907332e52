"""The pages of the documentation, walked through as a reader would."""

import re
from pathlib import Path

import pytest

from tests.docs.walk import ROOT, Walk


def test_tutorial(tutorial: Walk) -> None:
    assert "Traceback" not in (tutorial.folder / ".server").read_text()


AFTER_TUTORIAL = ["claims", "testing", "operations", "howto-spa", "howto-spa-other-origin", "howto-scripts"]


@pytest.mark.parametrize("page", AFTER_TUTORIAL)
def test_after_the_tutorial(page: str, after_tutorial: Walk) -> None:
    assert after_tutorial.page(f"docs/{page}.md") > 1


def test_clients(after_tutorial: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    after_tutorial.serve("python manage.py runserver")
    assert after_tutorial.page("docs/clients.md") == 2
    assert not (tmp_path / ".config/notes/tokens.json").exists()  # signed out at the end


def test_readme(shell: None, tmp_path: Path) -> None:
    walk = Walk(tmp_path, DEMO_VAR=str(tmp_path / "var"), PYTHONPATH=str(ROOT))
    try:
        walk.run("python -m django startproject mysite .")
        assert walk.page("README.md") == 5
    finally:
        walk.close()


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), target


def anchors(page: Path) -> set[str]:
    """As GitHub and MyST make them from headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
