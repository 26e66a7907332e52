"""A refresh, stopped at each of its steps, while something ends its session: no descendant lives afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from drf_lanyard.api import revoke_session
from drf_lanyard.core.model import Denied, Issued
from drf_lanyard.wiring import get_lanyard

from .causes import CAUSES, change_password, fetch, restore
from .steps import Act, count_steps, interleave, pause
from .world import assert_dead, code, log_in, pass_time, refresh, refusal


def claims(user: Any, session: Any) -> dict[str, Any]:
    """A callable of a project that takes its time between reading the user and the swap."""
    pause()
    return {"staff": user.is_staff}


@pytest.fixture(autouse=True)
def slow_claims(lanyard_settings: None, settings: Any) -> None:
    settings.LANYARD = {**settings.LANYARD, "CLAIMS": claims}


@pytest.mark.parametrize("cause", CAUSES)
def test_refresh_and_the_end_of_its_session(cause: str, alice: Any) -> None:
    """The refresh stops before its step i; there the cause gets as far as its step j, or is done with."""
    steps, cause_steps = _lengths(CAUSES[cause])
    assert steps == 3  # the read, the claims, the swap
    whole: list[tuple[int, int | None]] = [(i, None) for i in range(steps + 1)]
    for i, j in whole + [(steps - 1, j) for j in range(cause_steps)]:
        issued = _fresh_session()
        one, _ = interleave(lambda token=issued.refresh: refresh(token), i, CAUSES[cause], j)  # type: ignore[misc]
        assert one.error is None, (i, j)
        if i < steps and j is None:  # the cause was over before the swap: the answer says so
            assert isinstance(one.result, Denied), i
        assert_dead(issued, one.result)


@pytest.mark.parametrize("cause", CAUSES)
def test_the_end_of_the_session_begins_first(cause: str, alice: Any) -> None:
    _, cause_steps = _lengths(CAUSES[cause])
    for j in range(cause_steps + 1):
        issued = _fresh_session()
        act = Act(CAUSES[cause], j).start()
        refreshing = Act(lambda token=issued.refresh: refresh(token))  # type: ignore[misc]
        refreshing.begin()
        refreshing.proceed()  # to its end, unless a lock of the cause holds it up
        act.finish()
        refreshing.finish()
        assert_dead(issued, refreshing.result)


def test_refresh_and_logout(alice: Any) -> None:
    for i in range(4):
        for j in range(5):
            issued = _fresh_session()
            one, two = interleave(
                lambda token=issued.refresh: refresh(token),  # type: ignore[misc]
                i,
                lambda session=issued.session.id: revoke_session(session),  # type: ignore[misc]
                j,
            )
            assert two.result is True
            assert_dead(issued, one.result)


def test_a_repeat_inside_the_grace_is_no_loophole(alice: Any) -> None:
    """A repeat writes nothing, so only the epoch that it read can make its access token stale."""
    for i in range(3):
        issued = _fresh_session()
        second = refresh(issued.refresh)
        one, _ = interleave(lambda token=issued.refresh: refresh(token), i, change_password, None)  # type: ignore[misc]
        assert_dead(issued, second, one.result)


def test_claims_that_changed_while_they_were_computed_make_the_token_stale(alice: Any) -> None:
    """The epoch is read before whatever the claims come from."""

    def promote() -> None:
        user = fetch()
        user.is_staff = not user.is_staff
        user.save()

    for i in range(4):
        issued = _fresh_session()
        one, _ = interleave(lambda token=issued.refresh: refresh(token), i, promote, None)  # type: ignore[misc]
        assert isinstance(one.result, Issued)
        principal = get_lanyard().access.verify(one.result.access, get_lanyard().clock.time())
        if principal.claims["staff"] != fetch().is_staff:
            assert refusal(one.result.access) == "token_stale"
        assert code(refresh(one.result.refresh)) == "ok"


def _lengths(cause: Callable[[], Any]) -> tuple[int, int]:
    issued = _fresh_session()
    steps = count_steps(lambda: refresh(issued.refresh))
    _fresh_session()
    return steps, count_steps(cause)


def _fresh_session() -> Issued:
    """A session that is due for rotation, of an alice as she was at first."""
    restore()
    issued = log_in()
    assert issued is not None
    pass_time(issued.session.id)
    return issued


def test_the_steps_are_what_they_are_said_to_be(issued: Issued) -> None:
    """The tests above prove something only if a stopped act has done just what came before the stop."""
    pass_time(issued.session.id)
    act = Act(lambda: refresh(issued.refresh), 2).start()
    with connection.cursor() as cursor:
        cursor.execute("SELECT counter FROM lanyard_session")
        assert cursor.fetchone() == (0,)
    assert isinstance(act.finish(), Issued)
    with connection.cursor() as cursor:
        cursor.execute("SELECT counter FROM lanyard_session")
        assert cursor.fetchone() == (1,)
    assert act.steps == 3
