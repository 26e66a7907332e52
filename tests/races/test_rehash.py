"""Django re-encodes a password silently at sign-in when the preferred hasher changed: that signs nobody out."""

from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher, identify_hasher, make_password

from drf_lanyard.api import sign_in
from drf_lanyard.core.errors import AuthError
from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session

from .causes import NEW_PASSWORD, fetch
from .crew import Crew
from .steps import Act, count_steps, interleave
from .world import PASSWORD, assert_dead, assert_lives, code, log_in, pass_time, refresh, refusal

OLD = "django.contrib.auth.hashers.MD5PasswordHasher"


class Preferred(PBKDF2PasswordHasher):
    """Django's own, but quick."""

    iterations = 2


NEW = f"{__name__}.Preferred"


@pytest.fixture
def laptop(alice: Any, settings: Any) -> Any:
    """A session from before the hashers changed. Alice's password is in the old encoding still."""
    issued = log_in()
    settings.PASSWORD_HASHERS = [NEW, OLD]
    assert identify_hasher(fetch().password).algorithm == "md5"
    return issued


def outdate() -> None:
    """Back to the old encoding, as if the sign-ins before this one had not been; sessions along with it."""
    from drf_lanyard.stores.orm import auth_hashes

    user = fetch()
    user.password = make_password(PASSWORD, hasher="md5")
    get_user_model()._default_manager.filter(pk=user.pk).update(password=user.password)
    Session.objects.filter(revoked_at=None).update(auth_hash=auth_hashes(user)[0])


def assert_all_live(*issued: Any) -> None:
    assert identify_hasher(fetch().password).algorithm == "pbkdf2_sha256"
    for each in issued:
        assert isinstance(each, Issued)
        assert refusal(each.access) == "ok"
        pass_time(each.session.id)
        outcome = refresh(each.refresh)
        assert code(outcome) == "ok"


def test_a_rehash_signs_nobody_out(laptop: Issued) -> None:
    phone = log_in()
    assert_all_live(laptop, phone)


def test_two_rehashes_one_after_the_other(laptop: Issued) -> None:
    """Both have read the old encoding before either writes a new one, each with a salt of its own."""
    steps = count_steps(log_in)
    for i in range(steps + 1):
        outdate()
        one, two = interleave(log_in, i, log_in, 100)
        assert_all_live(laptop, one.result, two.result)


def test_many_rehashes_at_once(laptop: Issued) -> None:
    with Crew(10) as crew:
        for _ in range(3):
            outdate()
            assert_all_live(laptop, *crew.every(lambda _: log_in()))


def test_a_refresh_at_every_step_of_a_rehash(laptop: Issued) -> None:
    """Between the user's new encoding and the sessions that follow it there is no moment that ends one."""
    for j in range(count_steps(log_in) + 1):
        outdate()
        pass_time(laptop.session.id)
        signing_in = Act(log_in, j).start()
        outcome = Act(lambda: refresh(laptop.refresh)).begin()  # noqa: B023: it ends within this round
        outcome.proceed()
        phone = signing_in.finish()
        laptop = outcome.finish()
        assert code(laptop) == "ok", j
        assert_all_live(laptop, phone)
        laptop = refresh(laptop.refresh)  # type: ignore[assignment]


def test_a_rehash_at_every_step_of_a_refresh(laptop: Issued) -> None:
    """A rotation must not write back the encoding that it has read."""
    for i in range(4):
        outdate()
        pass_time(laptop.session.id)
        one, two = interleave(lambda: refresh(laptop.refresh), i, log_in, 100)  # noqa: B023
        assert code(one.result) == "ok", i
        assert_all_live(one.result, two.result)
        laptop = refresh(one.result.refresh)  # type: ignore[assignment]
        assert code(laptop) == "ok", i


def test_a_real_change_during_a_rehash_ends_everything_old(laptop: Issued) -> None:
    """The sign-in verified the old password; at whatever step the change comes, the old password opens nothing."""

    def change() -> None:
        user = fetch()
        user.set_password(NEW_PASSWORD)
        user.save()

    tablet: Any = laptop
    for i in range(count_steps(log_in) + 1):
        one, _ = interleave(log_in, i, change, 100)
        assert_dead(tablet, one.result)
        assert fetch().check_password(NEW_PASSWORD), i
        get_user_model()._default_manager.filter(username="alice").update(
            password=make_password(PASSWORD, hasher="md5")
        )
        tablet = log_in()
        outdate()


def test_a_password_set_in_two_saves_is_not_taken_for_a_rehash(laptop: Issued) -> None:
    """The first save leaves the instance looking as it does after a rehash, with the new password still unsaved."""
    user = fetch()
    user.set_password(NEW_PASSWORD)
    user.save(update_fields=["email"])
    user.save()
    assert fetch().check_password(NEW_PASSWORD)
    assert_dead(laptop)


@pytest.mark.parametrize("update_fields", [None, ["password"]])
def test_a_password_assigned_after_a_rehash_is_a_change(laptop: Issued, update_fields: Any) -> None:
    user = fetch()
    assert user.check_password(PASSWORD)  # re-encodes it on this very instance
    assert_lives(laptop)
    user.password = make_password(NEW_PASSWORD)
    user.save(update_fields=update_fields)
    assert_dead(laptop)


def test_the_verified_instance_may_be_older_than_another_rehash(laptop: Issued) -> None:
    """The second of two sign-ins re-encodes after the first opened its session."""
    first, second = fetch(), fetch()
    assert first.check_password(PASSWORD)
    phone = sign_in(None, first)
    assert second.check_password(PASSWORD)
    try:
        tablet = sign_in(None, second)
    except AuthError as error:
        pytest.fail(f"signed out by {error.code}")
    assert authenticate(None, username="alice", password=PASSWORD) is not None
    assert_all_live(laptop, phone, tablet)
