"""A sign-in, stopped at each of its steps, while the password changes or the user goes: no session survives it."""

from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model

from drf_lanyard.api import sign_in
from drf_lanyard.core.errors import AuthError, InvalidCredentials, UserInactive
from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session

from ..databases import TestDatabase
from .causes import CAUSES, NEW_PASSWORD, change_password, deactivate, delete, fetch, restore
from .crew import Crew
from .steps import Act, count_steps, interleave
from .world import assert_dead, assert_lives, log_in, new_user

#: Logging out everywhere is no reason to refuse a sign-in that goes on at the same time: it has no effect on what
#: comes after it, and whoever knows the password may come after it.
LASTING = [name for name in CAUSES if name != "logout everywhere"]


@pytest.mark.parametrize("cause", LASTING)
def test_sign_in_and_the_end_of_its_credentials(cause: str, alice: Any) -> None:
    """The sign-in stops before its step i, the cause before its step j: or the sign-in's lock holds it up before."""
    steps, cause_steps = count_steps(log_in), count_steps(CAUSES[cause])
    pairs: list[tuple[int, int | None]] = [(i, None) for i in range(steps + 1)]
    pairs += [(i, j) for i in (1, steps - 2) for j in range(1, cause_steps, 2)]
    for i, j in pairs:
        restore()
        one, _ = interleave(log_in, i, CAUSES[cause], j, locks=True)
        assert one.error is None, (i, j)
        # Asked first: at a refresh the stored hash would end one that has slipped through.
        assert not Session.objects.live().exists(), (i, j)
        assert_dead(one.result)
        again = log_in(password=NEW_PASSWORD)
        if "password" in cause:
            assert again is not None
            assert_lives(again)
        else:
            assert again is None


@pytest.mark.parametrize("cause", LASTING)
def test_the_change_begins_first(cause: str, alice: Any) -> None:
    for j in range(count_steps(CAUSES[cause]) + 1):
        restore()
        act = Act(CAUSES[cause], j).start()
        signing_in = Act(log_in).begin()
        signing_in.proceed()
        act.finish()
        issued = signing_in.finish()
        assert not Session.objects.live().exists(), j
        assert_dead(issued)


def test_logout_everywhere_and_sign_in_can_go_on_together(alice: Any) -> None:
    """No error, no deadlock; a session that stays is one that works."""
    cause = CAUSES["logout everywhere"]
    for i in range(count_steps(log_in) + 1):
        for j in range(0, count_steps(cause) + 1, 2):
            one, _ = interleave(log_in, i, cause, j, locks=True)
            assert isinstance(one.result, Issued)
            for session in Session.objects.live():
                assert session.counter == 0 and session.id == one.result.session.id
            Session.objects.all().delete()


@pytest.mark.parametrize(
    ("change", "error"),
    [(change_password, InvalidCredentials), (deactivate, UserInactive), (delete, UserInactive)],
)
def test_a_password_verified_before_the_change_opens_nothing_after_it(change: Any, error: Any, alice: Any) -> None:
    verified = authenticate(None, username="alice", password="wonderland")
    assert verified is not None
    change()
    with pytest.raises(error):
        sign_in(None, verified)
    assert not Session.objects.exists()


def test_verified_at_once_and_then_changed(alice: Any) -> None:
    """Twenty devices have verified the old password; it changes; all go on at once."""
    with Crew(20) as crew:
        verified = crew.every(lambda _: authenticate(None, username="alice", password="wonderland"))
        assert all(verified)

        def go_on(number: int) -> Any:
            if number == 10:
                return change_password()
            try:
                return sign_in(None, verified[number])
            except AuthError as error:
                return error

        outcomes = crew.every(go_on)
    assert {type(outcome) for outcome in outcomes} <= {Issued, InvalidCredentials, type(None)}
    assert not Session.objects.live().exists()
    assert_dead(*(outcome for outcome in outcomes if isinstance(outcome, Issued)))
    assert_lives(log_in(password=NEW_PASSWORD))  # type: ignore[arg-type]


@pytest.mark.parametrize("users", [1, 4])
def test_many_sign_ins_and_changes_never_deadlock(users: int, transactional_db: None, database: TestDatabase) -> None:
    """No error of the database reaches a caller, be it one user or several at once."""
    names = [f"user{number}" for number in range(users)]
    for name in names:
        new_user(name, is_staff=True)

    def act(number: int) -> Any:
        name = names[number % users]
        match number // users % 4:
            case 0 | 1:
                return log_in(name)
            case 2:
                user = get_user_model()._default_manager.get(username=name)
                user.set_password("wonderland")
                user.save()
            case 3:
                user = get_user_model()._default_manager.get(username=name)
                user.is_staff = not user.is_staff
                user.save()
        return None

    issued: list[Issued] = []
    with Crew(16) as crew:
        for _ in range(3 if database.name == "sqlite" else 12):
            issued += [outcome for outcome in crew.every(act) if outcome is not None]
    assert issued
    live = set(Session.objects.live().values_list("pk", flat=True))
    assert_dead(*[each for each in issued if each.session.id not in live])
    assert all(log_in(name) is not None for name in names)


def test_deactivation_and_sign_ins_in_parallel(alice: Any) -> None:
    """Whoever comes late is refused, not answered with an error."""
    with Crew(12) as crew:
        for _ in range(5):
            restore()

            def act(number: int) -> Any:
                return deactivate() if number == 6 else log_in()

            issued = crew.every(act)
            assert not Session.objects.live().exists()
            assert_dead(*issued)
            assert not fetch().is_active
