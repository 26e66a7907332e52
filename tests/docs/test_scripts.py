"""The JavaScript of the pages: all of it parses, and what needs nothing but a server is run against one."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.walk import ROOT, TIMEOUT, Walk

_BLOCK = re.compile(r"^```js\n(.*?)^```", re.DOTALL | re.MULTILINE)
DRIVER = """
const signed = await signIn("alice", "through-the-looking-glass", "203.0.113.9");
const refused = await signIn("alice", "wonderland", "203.0.113.9");
console.log(JSON.stringify([
  signed.status, typeof signed.refresh, await loadNotes(signed.access), await loadNotes(undefined), refused.code,
]));
"""


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse("The scripts of the pages need node.")
    return found


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(page: Path) -> list[str]:
    return _BLOCK.findall(page.read_text())


PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if blocks(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_parses(page: Path, node: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page)):
        path = tmp_path / f"{page.stem}{number}.mjs"
        path.write_text(block)
        run(node, "--check", path)


def test_a_server_that_renders_pages(after_tutorial: Walk, node: str, tmp_path: Path) -> None:
    after_tutorial.serve("python manage.py runserver")
    script = "".join(blocks(ROOT / "docs/howto-server-side.md")).replace(
        "django:8000", f"127.0.0.1:{after_tutorial.port}"
    )
    path = tmp_path / "page.mjs"
    path.write_text(script + DRIVER)
    answer = json.loads(run(node, path))
    assert answer == [200, "string", [{"id": 1, "text": "Buy tea"}], None, "invalid_credentials"]
