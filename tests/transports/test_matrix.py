"""Every method on every transport: it works, it ends, and it ends everywhere. The table is printed with the summary."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from drf_lanyard import wiring
from tests.databases import TestDatabase
from tests.rest.statements import recorded
from tests.server_process import die_with_parent

from .kit import PASSWORD
from .rows import ROWS, Shown

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds, of the other process.
LEASE = 1.0


@pytest.fixture
def real_reader(monkeypatch: pytest.MonkeyPatch, afresh: None) -> Iterator[None]:
    """This process reads the log as in production; its lease is so long that no statement of that is counted."""
    monkeypatch.setattr(wiring, "in_test_environment", lambda: False)
    with override_settings(LANYARD={"LEASE": 600, "READ_TIMEOUT": 60, "THROTTLE": None}):
        wiring.reset()
        yield
        wiring.reset()


@pytest.mark.usefixtures("real_reader")
@pytest.mark.parametrize("row", ROWS)
def test_matrix(row: str, alice: Any, database: TestDatabase, record_property: Callable[[str, object], None]) -> None:
    begin, statements, outlives_password = ROWS[row]
    cells = [
        works(begin(alice)),
        expires(begin(alice)),
        revoked(begin(alice)),
        revoked_elsewhere(begin(alice), database),
        refused_after_new_password(begin(alice), alice, outlives_password),
        refused_after_deactivation(begin(alice), alice),
        foreign_page(begin(alice)),
        cost(begin(alice), statements),
    ]
    record_property("matrix", [row, database.name, *cells])


def works(shown: Shown) -> str:
    assert shown.call() == 200
    assert shown.call("post", **(shown.unsafe or {})) == 200
    return "yes"


def expires(shown: Shown) -> str:
    if shown.expire is None:
        return "-"
    assert shown.call() == 200
    shown.expire()
    assert shown.call() == 401
    return "401"


def revoked(shown: Shown) -> str:
    if shown.revoke is None:
        return "-"
    assert shown.call() == 200
    shown.revoke()
    assert shown.call() == 401
    return "at once"


def revoked_elsewhere(shown: Shown, database: TestDatabase) -> str:
    """Another process goes on presenting it: no call that begins a lease after the revocation is let in."""
    if shown.revoke is None:
        return "-"
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.transports.worker"],
        cwd=ROOT,
        env=database.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(shown.headers).encode() + b"\n")
        worker.stdin.flush()
        assert json.loads(worker.stdout.readline()) == "accepted"
        shown.revoke()
        done = time.monotonic()
        seen = json.loads(worker.stdout.readline())
    finally:
        worker.kill()
        worker.communicate()
    assert seen["status"] == 401
    assert seen["last_accept"] - done <= LEASE
    return "in the lease"


def refused_after_new_password(shown: Shown, user: Any, outlives: bool) -> str:
    assert shown.call() == 200
    user.set_password("through the looking glass")
    user.save()
    try:
        assert shown.call() == (200 if outlives else 401)
    finally:
        user.set_password(PASSWORD)
        user.save()
    return "lives on" if outlives else "401"


def refused_after_deactivation(shown: Shown, user: Any) -> str:
    assert shown.call() == 200
    user.is_active = False
    user.save()
    try:
        assert shown.call() == 401
    finally:
        user.is_active = True
        user.save()
    return "401"


def foreign_page(shown: Shown) -> str:
    """Where a browser adds the credential by itself, a foreign page must not use it."""
    foreign = {**(shown.unsafe or {}), "origin": "https://evil.example", "sec_fetch_site": "cross-site"}
    assert shown.call("post", **foreign) == (403 if shown.by_cookie else 200)
    return "403" if shown.by_cookie else "not due"


def cost(shown: Shown, most: int) -> str:
    shown.call()
    with recorded() as statements:
        assert shown.call() == 200
    assert len(statements) == most, statements
    return str(len(statements))
