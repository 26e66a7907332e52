"""The pages of the documentation, walked through as a reader would."""

from pathlib import Path

import pytest

from tests.docs.walk import Walk


def test_tutorial(tutorial: Walk) -> None:
    assert "Traceback" not in (tutorial.folder / ".server").read_text()


@pytest.mark.parametrize("page", ["claims", "testing", "operations"])
def test_after_the_tutorial(page: str, after_tutorial: Walk) -> None:
    assert after_tutorial.page(f"docs/{page}.md") > 1


def test_clients(after_tutorial: Walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    after_tutorial.serve("python manage.py runserver --noreload {address}")
    assert after_tutorial.page("docs/clients.md") == 2
    assert not (tmp_path / ".config/notes/tokens.json").exists()  # signed out at the end
