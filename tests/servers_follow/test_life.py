"""What servers do beside answering: they idle, are reloaded, and go on while the database hangs."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from drf_lanyard import revoke_user

from ..databases import Databases, TestDatabase
from ..fleet.kit import a_user, eventually, signed_in
from ..fleet.own_server import family, frozen, own_server
from ..fleet.worker import boot_clock
from .serving import Answer, Crowd, at_once, serving

pytestmark = pytest.mark.django_db(transaction=True)
#: Of one thread of ours, in one and a half seconds without a request.
FEW_WAKEUPS = 6
#: Seconds that a request waits for a read.
READ_TIMEOUT = 2.0
#: How many answers show that an event loop turns. There is time for hundreds.
SOME = 10


@pytest.mark.parametrize(("kind", "push"), [("sync", "none"), ("gthread", "redis"), ("uvicorn", "postgres")])
@pytest.mark.databases("postgres")
def test_a_process_without_traffic_sleeps(kind: str, push: str, database: TestDatabase, valkey_url: str) -> None:
    lease = 0.5
    lanyard = {"LEASE": lease, "PUSH_URL": {"none": None, "redis": valkey_url, "postgres": "postgres"}[push]}
    with serving(kind, database, lanyard) as served:
        served.each("/protected/", signed_in(a_user()).access)
        inside = served.each("/inside/", "", lambda answer: answer.body["connected"] or push == "none")
        pause(2 * lease)
        assert max(wakeups(inside, seconds=1.5)) <= FEW_WAKEUPS


def wakeups(inside: dict[int, Answer], *, seconds: float) -> list[int]:
    """How often each of our threads woke up in a time without requests."""
    threads = [
        Path(f"/proc/{pid}/task/{thread}/status")
        for pid, answer in inside.items()
        for thread in answer.body["threads"].values()
    ]
    assert len(threads) >= len(inside)
    before = [switches(thread) for thread in threads]
    pause(seconds)
    return [switches(thread) - earlier for thread, earlier in zip(threads, before, strict=True)]


def switches(status: Path) -> int:
    """Each time that a thread goes to sleep is one."""
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return int(lines["voluntary_ctxt_switches"])


def pause(seconds: float) -> None:
    ends = boot_clock() + seconds
    eventually(lambda: boot_clock() > ends)


@pytest.mark.parametrize("kind", ["preload", "uvicorn", "gevent"])
@pytest.mark.databases("sqlite")
def test_a_reload_brings_workers_that_follow(kind: str, database: TestDatabase, valkey_url: str) -> None:
    token = signed_in(a_user()).access
    with serving(kind, database, {"LEASE": 600, "PUSH_URL": valkey_url}) as served:
        before = set(served.each("/protected/", token))
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(served.workers()) == 2 and not served.workers() & before)
        with Crowd(served, token) as crowd:
            crowd.from_each(200)
            served.each("/inside/", "", lambda answer: bool(answer.body["connected"]))
            assert served.ask("/auth/logout/", token, body={}).status == 204
            crowd.from_each(401)
        assert served.end() == ""


@pytest.fixture(scope="module")
def own(database: TestDatabase, databases: Databases, django_db_blocker: DjangoDbBlocker) -> Iterator[TestDatabase]:
    """Nobody else's, so that it may be frozen."""
    with django_db_blocker.unblock(), own_server(database.name, databases) as made:
        django_db_blocker.block()
        try:
            yield made
        finally:
            django_db_blocker.restore()


@pytest.mark.parametrize(
    ("kind", "path", "other"),
    [
        ("uvicorn", "/whoami/", "/alive/"),  # on the loop itself
        ("uvicorn", "/protected/", "/alive/"),  # in one of its threads
        ("gevent", "/protected/", "/still/"),  # in a greenlet
    ],
)
@pytest.mark.databases("postgres")
def test_an_event_loop_turns_while_the_database_hangs(kind: str, path: str, other: str, own: TestDatabase) -> None:
    user = a_user()
    token = signed_in(user).access
    with serving(kind, own, {"LEASE": 0.2, "READ_TIMEOUT": READ_TIMEOUT, "PUSH_URL": "postgres"}) as served:
        served.each(path, token, lambda answer: answer.status == 200)
        served.each("/inside/", "", lambda answer: bool(answer.body["connected"]))
        pause(0.4)  # a read is due now
        assert own.server is not None
        with frozen(*family(own.server)), Crowd(served, "", path=other) as crowd:
            waited = at_once(lambda: served.ask(path, token), 8)
        assert {answer.status for answer in waited} == {503}
        for pid in {answer.pid for answer in waited}:
            mine = [answer for answer in waited if answer.pid == pid]
            began, first = max(answer.began for answer in mine), min(answer.ended for answer in mine)
            meanwhile = [a for a in crowd.answers if a.pid == pid and a.began > began and a.ended < first]
            assert len(meanwhile) >= SOME
            assert {answer.status for answer in meanwhile} == {200}
        served.each(path, token, lambda answer: answer.status == 200)
        revoke_user(user)
        served.each(path, token, lambda answer: answer.status == 401)
        served.end()
