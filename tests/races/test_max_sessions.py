"""MAX_SESSIONS under parallel sign-ins: never more live than the bound, and the evicted die."""

from typing import Any

import pytest

from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session

from ..databases import TestDatabase
from .crew import Crew
from .world import assert_dead, assert_lives, code, log_in, new_user, refresh, refusal

BOUND = 3


@pytest.fixture(autouse=True)
def bound(lanyard_settings: None, settings: Any) -> None:
    settings.LANYARD = {**settings.LANYARD, "MAX_SESSIONS": BOUND}


def live() -> int:
    return Session.objects.filter(user__username="alice").live().count()


def test_never_more_than_the_bound(alice: Any, database: TestDatabase) -> None:
    def act(number: int) -> tuple[Any, int]:
        return log_in(), live()

    outcomes: list[tuple[Any, int]] = []
    with Crew(8 if database.name == "sqlite" else 20) as crew:
        for _ in range(3):
            outcomes += crew.every(act)
    assert max(seen for _, seen in outcomes) <= BOUND
    issued = [outcome for outcome, _ in outcomes if isinstance(outcome, Issued)]
    assert len(issued) == len(outcomes)
    alive = [each for each in issued if code(refresh(each.refresh)) == "ok"]
    assert len(alive) == live() == BOUND
    for each in alive:
        assert_lives(each)
    for each in issued:
        if each not in alive:
            assert refusal(each.access) == "token_revoked"
            assert code(refresh(each.refresh)) == "token_revoked"
            assert Session.objects.get(pk=each.session.id).revoked_reason == "evicted"


def test_the_oldest_go_first(alice: Any) -> None:
    issued = [log_in() for _ in range(BOUND + 2)]
    assert_dead(*issued[:2])
    for each in issued[2:]:
        assert each is not None
        assert_lives(each)


def test_a_refresh_does_not_make_a_session_younger(alice: Any) -> None:
    """The bound is about devices in the order they signed in, not about who is busiest."""
    issued = [log_in() for _ in range(BOUND)]
    assert issued[0] is not None
    assert code(refresh(issued[0].refresh)) == "ok"
    assert log_in() is not None
    assert_dead(issued[0])


def test_the_bound_is_for_each_user(alice: Any) -> None:
    new_user("bob")
    first = log_in()
    for _ in range(BOUND + 1):
        assert log_in("bob") is not None
    assert first is not None
    assert_lives(first)


def test_ended_and_expired_sessions_do_not_count(alice: Any) -> None:
    from drf_lanyard.api import revoke_session

    issued = [each for each in (log_in() for _ in range(BOUND)) if each is not None]
    assert revoke_session(issued[2].session.id)
    Session.objects.filter(pk=issued[1].session.id).update(idle_expires_at=1.0)
    for _ in range(2):
        assert log_in() is not None
    assert_lives(issued[0])
