"""Runs tests/usermodels under other user models: AUTH_USER_MODEL is fixed per process, so each has its own pytest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import CHOSEN, NOTES
from .databases import DEFAULT, Databases, selected
from .servers import Unavailable

ROOT = Path(__file__).resolve().parent.parent
#: Seconds; a hang in there is a failure here.
TIMEOUT = 900


@pytest.mark.parametrize("model", ["uuid", "string", "mti"])
def test_under_another_user_model(model: str, databases: Databases, pytestconfig: pytest.Config) -> None:
    names = selected(pytestconfig.stash[CHOSEN], DEFAULT)
    for name in names:
        try:
            databases.settings(name)  # starts the server, which the subprocess then shares
        except Unavailable:
            continue  # the subprocess finds the same, and skips or fails saying so
    command = [sys.executable, "-m", "pytest", f"--ds=tests.settings_{model}", "tests/usermodels"]
    environment = {**databases.environment(), "LANYARD_TEST_PREFIX": f"lanyard_{model}"}
    done = subprocess.run(
        [*command, *(f"--db={name}" for name in names)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    counts = re.findall(r"^(?:[a-z-]+: .*passed.*)$", done.stdout, re.MULTILINE)
    assert counts, done.stdout
    pytestconfig.stash[NOTES].append(f"user model {model} ({counts[-1]})")
