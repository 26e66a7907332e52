"""Cleaning up after a break-in while the thief makes himself an API token: no token survives, in whatever order.

He comes with an access token that was good when his request was let in.
"""

from typing import Any

import pytest

from drf_lanyard.api import revoke_user
from drf_lanyard.models import ApiToken, Session

from ..databases import TestDatabase
from .causes import atomically, change_password, fetch, restore
from .crew import Crew
from .steps import Act, count_steps, interleave
from .world import PASSWORD, log_in, post, refresh


def clean_up() -> None:
    revoke_user(fetch(), api_tokens=True)


def clean_up_but_keep_sessions() -> None:
    revoke_user(fetch(), api_tokens=True, keep_sessions=True)


CLEANINGS = {
    "alone": clean_up,
    "in a transaction": atomically(clean_up),
    "sessions kept": clean_up_but_keep_sessions,
}


def access_token() -> str:
    issued = log_in()
    assert issued is not None
    return issued.access


def make_token(access: str) -> str:
    """What became of it: "made" or a code."""
    status, body = post("api-tokens/", {"name": "evil"}, Authorization=f"Bearer {access}")
    return "made" if status == 201 else str(body["code"])


def assert_none_survives(outcome: Any, *about: Any) -> None:
    assert outcome in {"made", "token_revoked", "token_stale"}, about
    assert not ApiToken.objects.exists(), about


@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_the_thief_is_stopped_at_each_step(cleaning: str, alice: Any) -> None:
    """His request stops before its step i; the cleaning goes on to its end, or to its step j."""
    action = CLEANINGS[cleaning]
    access = access_token()
    steps, cleaning_steps = count_steps(lambda: make_token(access)), count_steps(action)
    outcomes = set()
    for i in range(steps + 1):
        for j in (None, *range(1, cleaning_steps, 3)):
            access = access_token()
            one, two = interleave(lambda access=access: make_token(access), i, action, j, locks=True)  # type: ignore[misc]
            assert (one.error, two.error) == (None, None), (i, j)
            assert_none_survives(one.result, i, j)
            outcomes.add(one.result)
    assert "made" in outcomes and len(outcomes) > 1


@pytest.mark.parametrize("cleaning", CLEANINGS)
def test_the_cleaning_is_stopped_at_each_step(cleaning: str, alice: Any) -> None:
    for j in range(count_steps(CLEANINGS[cleaning]) + 1):
        access = access_token()
        act = Act(CLEANINGS[cleaning], j).start()
        making = Act(lambda access=access: make_token(access)).begin()  # type: ignore[misc]
        making.proceed()
        act.finish()
        assert_none_survives(making.finish(), j)


def test_the_thief_knows_the_old_password(settings: Any, alice: Any) -> None:
    """First another password, then the cleaning: what began with the old one leaves no token."""
    settings.LANYARD = {"LEASE": 0.2, "READ_TIMEOUT": 30, "THROTTLE": None}

    def obtain() -> int:
        return post("obtain-token/", {"username": "alice", "password": PASSWORD})[0]

    def change_and_clean_up() -> None:
        change_password()
        clean_up()

    steps, cleaning_steps = count_steps(obtain), count_steps(change_and_clean_up)
    for i in range(steps + 1):
        for j in (None, *range(1, cleaning_steps, 4)):
            restore()
            one, two = interleave(obtain, i, change_and_clean_up, j, locks=True)
            assert (one.error, two.error) == (None, None), (i, j)
            assert one.result in {200, 401}
            assert not ApiToken.objects.exists(), (i, j)


def test_the_cleaning_and_a_sign_in_that_evicts(settings: Any, alice: Any) -> None:
    """Both lock the user, and then sessions: nobody is answered with a deadlock."""
    settings.LANYARD = {"LEASE": 0.2, "READ_TIMEOUT": 30, "MAX_SESSIONS": 1}
    for i in range(count_steps(clean_up) + 1):
        for j in (None, 2, 4):
            assert log_in()
            one, two = interleave(clean_up, i, log_in, j, locks=True)
            assert (one.error, two.error) == (None, None), (i, j)
            assert two.result is not None


def test_at_once_with_whatever_else_locks_users_and_sessions(settings: Any, alice: Any, database: TestDatabase) -> None:
    """Nobody is answered with an error of the database: who locks both locks the user first."""
    settings.LANYARD = {"LEASE": 0.2, "READ_TIMEOUT": 30, "MAX_SESSIONS": 4}
    outcomes: set[Any] = set()
    with Crew(10) as crew:
        for _ in range(4 if database.name == "sqlite" else 20):
            issued = [log_in() for _ in range(4)][-1]
            assert issued is not None

            def act(number: int, issued: Any = issued) -> Any:
                match number:
                    case 0:
                        return clean_up()
                    case 1:
                        return revoke_user(fetch())
                    case 2 | 3:
                        return None if log_in() else "refused"
                    case 4:
                        return None if refresh(issued.refresh) else "refused"
                return make_token(issued.access)

            outcomes.update(crew.every(act))
            assert not ApiToken.objects.exists()
            Session.objects.all().delete()
    assert outcomes <= {None, "made", "token_revoked", "token_stale"}
