"""`lanyard_prune --older-than` below a day: a row has to outlive its access tokens."""

import time

import pytest

from drf_lanyard.core.policy import DAY
from drf_lanyard.models import Session
from drf_lanyard.stores.orm import prune_sessions

from .people import session, user
from .test_commands import run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("column", ["revoked_at", "idle_expires_at", "absolute_expires_at"])
@pytest.mark.parametrize("days", ["0", "0.01", "0.99", "1"])
def test_less_than_a_day_counts_as_one(days: str, column: str) -> None:
    alice, now = user("alice"), time.time()
    live = session(alice)
    lately = session(alice, **{column: now - 0.95 * DAY})
    session(alice, **{column: now - 1.05 * DAY})
    assert run("lanyard_prune", "--older-than", days).startswith("Deleted 1 sessions")
    assert set(Session.objects.values_list("pk", flat=True)) == {live, lately}


def test_more_than_a_day_is_what_it_says() -> None:
    session(user("alice"), revoked_at=time.time() - 1.45 * DAY)
    assert run("lanyard_prune", "--older-than", "1.5").startswith("Deleted 0 sessions")
    assert run("lanyard_prune", "--older-than", "1.4").startswith("Deleted 1 sessions")


def test_whoever_calls_it() -> None:
    lately = session(user("alice"), revoked_at=time.time() - DAY / 2)
    assert sum(prune_sessions("default", 0.0, 100)) == 0
    assert Session.objects.get().pk == lately
