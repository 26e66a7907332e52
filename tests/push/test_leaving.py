"""Processes that end or fork while they push: nothing is left unsaid, and nobody waits for a server that hangs."""

import json
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from drf_lanyard.conf import get_settings
from drf_lanyard.core.messages import Messages
from drf_lanyard.core.model import Entry
from drf_lanyard.models import Session
from drf_lanyard.stores import push_redis

from ..databases import TestDatabase
from ..fleet.crew import ROOT
from ..fleet.kit import a_user, eventually, signed_in
from .places import KINDS, Place, RedisPlace, listening
from .scripted import Ears, push_threads

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("postgres")]
everywhere = pytest.mark.parametrize("place", KINDS, indirect=True)
once_each = pytest.mark.parametrize("place", ["resp2", "postgres"], indirect=True)
through_redis = pytest.mark.parametrize("place", ["resp2"], indirect=True)


def run(place: Place, database: TestDatabase, *command: str, patience: float = 60) -> str:
    """What a process says that must not complain about anything: not of a warning, not of anything left open."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", *command],
        cwd=ROOT,
        env=database.environment() | {"LANYARD_TEST_PUSH_URL": place.url, "LANYARD_TEST_LEASE": "30"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def ours() -> Messages:
    return Messages(get_settings().push_keys)


@everywhere
def test_a_process_ends_without_a_word(place: Place, database: TestDatabase) -> None:
    token = signed_in(a_user()).access
    run(place, database, "-m", "tests.push.leaving", token)
    eventually(lambda: place.listeners() == 0)


@once_each
def test_what_a_process_revokes_last_is_said_before_it_ends(place: Place, database: TestDatabase, ears: Ears) -> None:
    issued = signed_in(a_user())
    with listening(place, ears, ours()):
        run(place, database, "-m", "tests.push.leaving", issued.access, str(issued.session.id))
        eventually(lambda: ears.credentials == [issued.session.id.int])


@once_each
def test_a_command_that_revokes_says_so(place: Place, database: TestDatabase, ears: Ears) -> None:
    user = a_user()
    session = signed_in(user).session.id
    with listening(place, ears, ours()):
        said = run(place, database, "-m", "django", "lanyard_revoke", "--skip-checks", "--session", str(session))
        assert "ended" in said
        eventually(lambda: ears.credentials == [session.int])


@through_redis
@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_a_command_ends_while_redis_does_not_answer(place: RedisPlace, how: str, database: TestDatabase) -> None:
    """It has revoked, which is what counts."""
    session = signed_in(a_user()).session.id
    command = ["-m", "django", "lanyard_revoke", "--skip-checks", "--session", str(session)]
    if how == "frozen":
        with place.frozen():
            assert "ended" in run(place, database, *command)
    else:
        place.url = "redis://127.0.0.1:1"
        done = subprocess.run(
            [sys.executable, "-W", "error", *command],
            cwd=ROOT,
            env=database.environment() | {"LANYARD_TEST_PUSH_URL": place.url},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0
        assert done.stderr.count("\n") <= 1 and "Traceback" not in done.stderr  # that it could not be pushed
    assert Session.objects.get().revoked_at is not None


@through_redis
def test_the_farewell_is_short(place: RedisPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the server takes: what has not been sent by then is left to the log."""
    monkeypatch.setattr(push_redis, "FAREWELL", 0.01)
    monkeypatch.setattr(push_redis, "TIMEOUT", 20.0)
    push: Any = place.push()
    with place.frozen():
        push.send([Entry(uid=1, credential=1)])
        eventually(lambda: push._sender._busy)
        push._sender._finish()
        assert push._sender._busy  # still not sent
        push.close()
    eventually(lambda: not push_threads())


@through_redis
def test_the_farewell_waits_for_what_is_being_sent(place: RedisPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_redis, "FAREWELL", 60.0)
    push: Any = place.push()
    with place.frozen():
        push.send([Entry(uid=1, credential=1)])
        leaving = threading.Thread(target=push._sender._finish)
        leaving.start()
        leaving.join(0.1)
        assert leaving.is_alive()
    leaving.join(60)
    assert not push._sender._busy and not push._sender._waiting
    push.close()


@everywhere
def test_a_forked_child_listens_for_itself(place: Place, database: TestDatabase) -> None:
    """Each hears what the other revokes, by push alone; and the child's end does not end the parent's connection."""
    first, second = signed_in(a_user()).access, signed_in(a_user("bob")).access
    told = json.loads(run(place, database, "-m", "tests.push.forking", first, second))
    child = told.pop("child")
    assert child.pop("inherited") == {"connected": False, "received": 0, "failures": 0}
    assert child == {"deaf": True, "second": True, "first": "token_revoked"}
    assert told == {"second": "token_revoked", "status": 0, "same": True, "connected": True}


def test_after_a_fork_the_inherited_queue_is_the_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = push_redis.Sender("redis://127.0.0.1:1", "c")
    sender._waiting.append("said by the parent, which sends it")
    parent = os.getpid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: parent + 1)
        sender.after_fork()
    assert not sender._waiting
    sender.after_fork()


@through_redis
def test_whoever_is_closed_sends_no_more(place: RedisPlace, ears: Ears) -> None:
    with listening(place, ears):
        push: Any = place.push()
        push.send([Entry(uid=1, credential=1)])
        push.close()  # lets go once this is sent
        push.send([Entry(uid=2, credential=2)])
        eventually(lambda: ears.credentials == [1])
        eventually(lambda: len(push_threads()) == 1)
    assert ears.credentials == [1]
