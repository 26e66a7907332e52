"""axe-core, the accessibility checker, from npm in the version that package.json pins."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
#: Seconds.
TIMEOUT = 120
#: All of axe's rules that are on by default: WCAG up to level AA, and good practice.
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}"""


def install(folder: Path) -> Path:
    """The script to load into every page; skips the test where npm cannot get it, and fails it under CI."""
    npm = shutil.which("npm")
    if npm is None:
        unavailable("npm is not on the PATH")
    shutil.copy(HERE / "package.json", folder)
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT, text=True)
    except subprocess.CalledProcessError as error:
        unavailable(f"npm install failed:\n{error.stderr}")
    except subprocess.TimeoutExpired:
        unavailable(f"npm install took longer than {TIMEOUT} s")
    return folder / "node_modules" / "axe-core" / "axe.min.js"


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(reason)
    pytest.skip(f"ACCESSIBILITY IS NOT CHECKED: {reason}")
