"""What is revoked in one worker dies in the other, in every server; and every server ends without a word."""

from typing import Any

import pytest

from ..databases import TestDatabase
from ..fleet.kit import a_user, signed_in
from ..fleet.worker import boot_clock
from .serving import KINDS, Answer, Crowd, Served, serving
from .wakeups import FEW_WAKEUPS, NOTED, wakeups

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = 0.5
#: Seconds. Only push can revoke within such a lease: the next read is minutes away.
LONG_LEASE = 600
#: A master that does not read itself is the easier half of --preload: once is enough.
PUSHED = [kind for kind in KINDS if kind != "preload"]
#: The ways in which new workers come to be.
RELOADED = ("preload, master reads", "uvicorn", "gevent")


def starting(kind: str, database: TestDatabase, lanyard: dict[str, Any], **environment: str) -> Any:
    """The server of that kind; its master has authenticated somebody where its name says so."""
    user = a_user()
    if "master" in kind:
        environment["LANYARD_TEST_MASTER_TOKEN"] = signed_in(user).access
    return serving(kind, database, lanyard, **environment)


def a_sign_in(served: Served) -> str:
    answer = served.ask("/auth/login/", body={"username": "alice", "password": "wonderland"})
    assert answer.status == 200, answer
    return str(answer.body["access"])


def a_logout(served: Served, token: str) -> float:
    """In whichever worker takes it; when it was over."""
    answer = served.ask("/auth/logout/", token, body={})
    assert answer.status == 204, answer
    return answer.ended


def agree(accepted: dict[int, list[Answer]], refused: dict[int, list[Answer]]) -> None:
    """Nobody accepts again what it has refused."""
    for pid, refusals in refused.items():
        assert {answer.body["code"] for answer in refusals} == {"token_revoked"}
        first = min(answer.ended for answer in refusals)
        assert all(answer.began <= first for answer in accepted[pid])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.databases("postgres")
def test_every_worker_refuses_within_the_lease(kind: str, database: TestDatabase) -> None:
    with starting(kind, database, {"LEASE": LEASE}) as served:
        token = a_sign_in(served)
        with Crowd(served, token) as crowd:
            crowd.from_each(200)
            committed = a_logout(served, token)
            refused = crowd.from_each(401)
        accepted = crowd.from_each(200)
        agree(accepted, refused)
        # Hard: no request that began later than this was let through, however slow the machine is.
        assert max(answers[-1].began for answers in accepted.values()) <= committed + LEASE
        assert served.end() == ""


def told(served: Served) -> None:
    """By push alone: a session is ended in one worker, and dead in each."""
    began = boot_clock()
    token = a_sign_in(served)
    with Crowd(served, token) as crowd:
        crowd.from_each(200)
        served.each("/inside/", "", lambda answer: bool(answer.body["connected"]))
        a_logout(served, token)
        refused = crowd.from_each(401)
    agree(crowd.from_each(200), refused)
    assert boot_clock() - began < LONG_LEASE / 2, "a read may have told them"
    served.each("/inside/", "", lambda answer: answer.body["received"] > 0)


@pytest.mark.parametrize("kind", PUSHED)
@pytest.mark.databases("sqlite")
def test_redis_tells_every_worker(kind: str, database: TestDatabase, valkey_url: str) -> None:
    counted = NOTED if kind == "gthread" else {}
    with starting(kind, database, {"LEASE": LONG_LEASE, "PUSH_URL": valkey_url}, **counted) as served:
        told(served)
        if counted:
            assert max(wakeups(served)) <= FEW_WAKEUPS
        if kind in RELOADED:
            served.reload()
            told(served)
        assert served.end() == ""


@pytest.mark.parametrize("kind", PUSHED)
@pytest.mark.databases("postgres")
def test_postgres_tells_every_worker(kind: str, database: TestDatabase) -> None:
    counted = NOTED if kind == "uvicorn" else {}
    with starting(kind, database, {"LEASE": LONG_LEASE, "PUSH_URL": "postgres"}, **counted) as served:
        told(served)
        if counted:
            assert max(wakeups(served)) <= FEW_WAKEUPS
        assert served.end() == ""
