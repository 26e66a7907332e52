"""The browser client's own tests, by node's runner, and its types, by the TypeScript compiler."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from tests.conftest import NOTES

CLIENT = Path(__file__).parents[2] / "clients" / "js"
#: Seconds, for a machine that is busy with other things.
TIMEOUT = 300
OLDEST = 20
_TS_BLOCK = re.compile(r"^```ts\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def unavailable(reason: str) -> NoReturn:
    """A machine without Node may skip this; one that says it is CI may not."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(reason)
    pytest.skip(f"THE BROWSER CLIENT IS NOT TESTED: {reason}")


@pytest.fixture(scope="module")
def node() -> str:
    """The path of a node that is recent enough."""
    found = shutil.which("node")
    if found is None:
        unavailable("node is not on the PATH")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        unavailable(f"node {version.strip()} is older than {OLDEST}")
    return found


@pytest.fixture(scope="module")
def package(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy outside the source tree with the compiler that package.json pins."""
    npm = shutil.which("npm")
    if npm is None:
        unavailable("npm is not on the PATH")
    folder = tmp_path_factory.mktemp("client") / "js"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT, text=True)
    except subprocess.CalledProcessError as error:
        unavailable(f"npm install failed:\n{error.stderr}")
    except subprocess.TimeoutExpired:
        unavailable(f"npm install took longer than {TIMEOUT} s")
    return folder


def test_node(node: str, pytestconfig: pytest.Config) -> None:
    # TAP, since what a person would read differs from one version of node to the next.
    command = [node, "--test", "--test-reporter=tap"]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=TIMEOUT)
    counts = {name: int(count) for name, count in re.findall(r"^# (\w+) (\d+)$", done.stdout, re.MULTILINE)}
    failures = re.findall(r"^ *not ok \d+ - .*$(?:\n(?!ok|not ok).*$){0,20}", done.stdout, re.MULTILINE)
    assert done.returncode == 0, "\n".join([*failures, done.stderr])
    assert counts["pass"] == counts["tests"] > 0, counts  # nothing is skipped, either
    pytestconfig.stash[NOTES].append(f"browser client: {counts['pass']} passed in node")


def compile_types(package: Path) -> subprocess.CompletedProcess[str]:
    command = [str(package / "node_modules/.bin/tsc"), "--noEmit", "-p", "."]
    return subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=TIMEOUT)


def test_types(package: Path) -> None:
    """The sources against their types, the type tests, and the TypeScript of the README."""
    blocks = _TS_BLOCK.findall((package / "README.md").read_text())
    assert blocks
    (package / "types" / "readme.ts").write_text("\n".join(blocks))
    done = compile_types(package)
    assert done.returncode == 0, done.stdout
    wrong = package / "types" / "wrong.ts"
    wrong.write_text('import { createClient } from "drf-lanyard-client";\ncreateClient({ baseURL: "/auth/" });\n')
    done = compile_types(package)
    wrong.unlink()
    assert "types/wrong.ts(2,16): error" in done.stdout  # the compiler does look


def test_what_is_published(package: Path) -> None:
    command = ["npm", "pack", "--dry-run", "--json", "--ignore-scripts"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=True, timeout=TIMEOUT)
    answer = json.loads(done.stdout)
    (packed,) = answer if isinstance(answer, list) else answer.values()  # npm 11.19 answers by name
    files = {file["path"] for file in packed["files"]}
    kinds = {Path(name).parts[0] for name in files}
    assert {"README.md", "LICENSE", "package.json", "src/index.js", "src/native.js", "types/index.d.ts"} <= files
    assert kinds == {"README.md", "LICENSE", "package.json", "src", "types"}
