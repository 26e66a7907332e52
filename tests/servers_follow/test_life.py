"""What servers do beside following: they sleep when nobody asks, and go on while the database hangs."""

from functools import partial

import pytest

from drf_lanyard import revoke_user

from ..databases import TestDatabase
from ..fleet.kit import a_user, signed_in
from ..fleet.own_server import family, frozen
from .serving import Answer, Crowd, at_once, serving
from .wakeups import FEW_WAKEUPS, NOTED, pause, wakeups

pytestmark = pytest.mark.django_db(transaction=True)
#: Seconds.
LEASE = 0.2
#: Seconds that a request waits for a read.
READ_TIMEOUT = 2.0
#: How many answers show that an event loop turns. There is time for hundreds.
SOME = 10


@pytest.mark.databases("sqlite")
def test_a_process_without_traffic_sleeps(database: TestDatabase) -> None:
    """Also when the lease is over. (With push: in test_follow.)"""
    with serving("sync", database, {"LEASE": LEASE}, **NOTED) as served:
        served.each("/protected/", signed_in(a_user()).access)
        pause(2 * LEASE)
        assert max(wakeups(served)) <= FEW_WAKEUPS


@pytest.mark.parametrize(
    ("kind", "paths", "other"),
    [
        ("uvicorn", ["/whoami/", "/protected/"], "/alive/"),  # on the loop itself, and in its threads
        ("gevent", ["/protected/"], "/still/"),  # in greenlets
    ],
)
@pytest.mark.databases("postgres")
def test_an_event_loop_turns_while_the_database_hangs(
    kind: str, paths: list[str], other: str, own: TestDatabase
) -> None:
    user = a_user()
    token = signed_in(user).access
    lanyard = {"LEASE": LEASE, "READ_TIMEOUT": READ_TIMEOUT, "PUSH_URL": "postgres"}
    with serving(kind, own, lanyard) as served:
        for path in paths:
            served.each(path, token, lambda answer: answer.status == 200)
        served.each("/inside/", "", lambda answer: bool(answer.body["connected"]))
        pause(2 * LEASE)  # a read is due now
        assert own.server is not None
        with frozen(*family(own.server)), Crowd(served, "", path=other) as crowd:
            waited = at_once([partial(served.ask, path, token) for path in paths * 6])
        assert {answer.status for answer in waited} == {503}
        for pid in {answer.pid for answer in waited}:
            assert len(meanwhile(crowd, [answer for answer in waited if answer.pid == pid])) >= SOME
        served.each(paths[0], token, lambda answer: answer.status == 200)
        revoke_user(user)
        served.each(paths[0], token, lambda answer: answer.status == 401)
        served.end()


def meanwhile(crowd: Crowd, waited: list[Answer]) -> list[Answer]:
    """What others got from the same process while all of these requests waited."""
    began, ended = max(answer.began for answer in waited), min(answer.ended for answer in waited)
    found = [a for a in crowd.answers if a.pid == waited[0].pid and a.began > began and a.ended < ended]
    assert {answer.status for answer in found} <= {200}
    return found


@pytest.mark.parametrize("kind", ["gthread", "uvicorn", "gevent"])
@pytest.mark.databases("postgres")
def test_a_server_ends_while_the_database_hangs(kind: str, own: TestDatabase) -> None:
    """Neither the thread that reads nor the one that listens keeps a process from ending."""
    token = signed_in(a_user()).access
    with serving(kind, own, {"LEASE": LEASE, "READ_TIMEOUT": 0.5, "PUSH_URL": "postgres"}) as served:
        served.each("/protected/", token, lambda answer: answer.status == 200)
        served.each("/inside/", "", lambda answer: bool(answer.body["connected"]))
        assert own.server is not None
        with frozen(*family(own.server)):
            pause(2 * LEASE)
            assert served.ask("/protected/", token).status == 503
            assert "Traceback" not in served.end()
