"""The promise: what is revoked in one process dies in every other within the lease. Real processes, real clocks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from drf_lanyard import revoke_user
from drf_lanyard.models import Session

from ..conftest import NOTES
from ..databases import TestDatabase
from .crew import Worker, crew
from .kit import a_user, signed_in
from .worker import boot_clock

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = 1.0
#: The longest that it took, per database, in seconds; for the summary.
LATEST: dict[str, float] = {}
Cause = Callable[[Any, list[Worker]], float]


@pytest.fixture(scope="module")
def workers(database: TestDatabase, pytestconfig: pytest.Config) -> Iterator[list[Worker]]:
    with crew(database, 4) as four:
        yield four
    if latest := LATEST.pop(database.name, None):
        pytestconfig.stash[NOTES].append(
            f"{database.name}: revoked in one process, refused in every other {latest:.2f} s later"
        )


def a_session(user: Any, workers: list[Worker]) -> float:
    """Revoked by the first worker."""
    return float(workers[0].ask("revoke_session", str(Session.objects.get(user=user).pk)))


def the_user(user: Any, workers: list[Worker]) -> float:
    return float(workers[0].ask("revoke_user", user.pk))


def the_password(user: Any, workers: list[Worker]) -> float:
    """Changed in this process, as in the admin or a shell."""
    user.set_password("changed")
    user.save()
    return boot_clock()


def a_group(user: Any, workers: list[Worker]) -> float:
    user.groups.add(Group.objects.create(name="editors"))
    return boot_clock()


def deactivation(user: Any, workers: list[Worker]) -> float:
    user.is_active = False
    user.save()
    return boot_clock()


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (a_session, "token_revoked"),
        (the_user, "token_stale"),
        (the_password, "token_stale"),
        (a_group, "token_stale"),
        (deactivation, "token_stale"),
    ],
)
def test_every_process_refuses_within_the_lease(
    workers: list[Worker], cause: Cause, code: str, database: TestDatabase
) -> None:
    user = a_user()
    token, other = signed_in(user).access, signed_in(a_user("bob")).access
    assert [worker.ask("ask", token) for worker in workers] == ["ok"] * 4
    for worker in workers[1:]:
        worker.send("hammer", token)
    committed = cause(user, workers)
    seen = [worker.answer() for worker in workers[1:]]
    assert [answer["code"] for answer in seen] == [code] * 3
    assert [answer["later"] for answer in seen] == [0] * 3, "accepted again after a refusal"
    # Hard: no request that began later than this was let through, however slow the machine is.
    assert max(answer["last_accept"] for answer in seen) <= committed + LEASE
    latest = max(answer["refused_at"] for answer in seen) - committed
    assert latest < LEASE + 0.5
    assert [worker.ask("ask", other) for worker in workers] == ["ok"] * 4
    LATEST[database.name] = max(latest, LATEST.get(database.name, 0.0))


def test_revoke_and_wait_returns_when_no_process_accepts_any_more(workers: list[Worker]) -> None:
    user = a_user()
    token = signed_in(user).access
    assert [worker.ask("ask", token) for worker in workers] == ["ok"] * 4
    for worker in workers[2:]:
        worker.send("hammer", token)
    returned = workers[0].ask("revoke_and_wait", str(Session.objects.get(user=user).pk))
    assert workers[1].ask("ask", token) == "token_revoked"  # it has not read since
    assert max(worker.answer()["last_accept"] for worker in workers[2:]) <= returned


def test_a_process_that_stood_still_does_not_trust_its_old_lease(workers: list[Worker]) -> None:
    user = a_user()
    token = signed_in(user).access
    sleeper = workers[0]
    assert sleeper.ask("ask", token) == "ok"
    sleeper.stop()
    try:
        sleeper.send("ask", token)
        revoke_user(user, wait=True)
    finally:
        sleeper.go_on()
    assert sleeper.answer() == "token_stale"
