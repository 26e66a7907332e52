"""Django re-encodes a password silently at sign-in when the preferred hasher changed: that signs nobody out."""

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, identify_hasher, make_password

from drf_lanyard.models import Session

from .causes import NEW_PASSWORD, fetch
from .crew import Crew
from .steps import Act, count_steps, interleave
from .world import PASSWORD, assert_dead, assert_lives, code, pass_time, post, refresh, refusal

OLD = "django.contrib.auth.hashers.MD5PasswordHasher"


class Preferred(PBKDF2PasswordHasher):
    """Django's own, but quick."""

    iterations = 2


NEW = f"{__name__}.Preferred"


@dataclass(frozen=True)
class SignedIn:
    """What the sign-in endpoint answered."""

    access: str
    refresh: str
    session: Any


def log_in() -> SignedIn | None:
    """Through the endpoint: it alone has the password in hand, to compare when two sign-ins re-encode it at once."""
    status, body = post("login/", {"username": "alice", "password": PASSWORD})
    if status != 200:
        assert body["code"] == "invalid_credentials"
        return None
    return SignedIn(body["access"], body["refresh"], SimpleNamespace(id=UUID(body["session"])))


@pytest.fixture
def laptop(alice: Any, settings: Any) -> Any:
    """A session from before the hashers changed. Alice's password is in the old encoding still."""
    settings.LANYARD = {**settings.LANYARD, "THROTTLE": None}
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


def assert_all_live(*issued: Any) -> list[Any]:
    """Their successors."""
    successors = []
    assert identify_hasher(fetch().password).algorithm == "pbkdf2_sha256"
    for each in issued:
        assert each is not None and code(each) == "ok"
        assert refusal(each.access) == "ok"
        pass_time(each.session.id)
        outcome = refresh(each.refresh)
        assert code(outcome) == "ok"
        successors.append(outcome)
    return successors


def test_a_rehash_signs_nobody_out(laptop: Any) -> None:
    phone = log_in()
    assert_all_live(laptop, phone)


def test_two_rehashes_one_after_the_other(laptop: Any) -> None:
    """Both have read the old encoding before either writes a new one, each with a salt of its own."""
    steps = count_steps(log_in)
    for i in range(steps + 1):
        outdate()
        one, two = interleave(log_in, i, log_in, None, locks=True)
        laptop, *_ = assert_all_live(laptop, one.result, two.result)


def test_many_rehashes_at_once(laptop: Any) -> None:
    with Crew(10) as crew:
        for _ in range(3):
            outdate()
            laptop, *_ = assert_all_live(laptop, *crew.every(lambda _: log_in()))


def test_a_refresh_at_every_step_of_a_rehash(laptop: Any) -> None:
    """Between the user's new encoding and the sessions that follow it there is no moment that ends one."""
    for j in range(count_steps(log_in) + 1):
        outdate()
        pass_time(laptop.session.id)
        signing_in = Act(log_in, j).start()
        outcome = Act(partial(refresh, laptop.refresh)).begin()
        outcome.proceed()
        phone = signing_in.finish()
        laptop = outcome.finish()
        assert code(laptop) == "ok", j
        laptop, _ = assert_all_live(laptop, phone)


def test_a_rehash_at_every_step_of_a_refresh(laptop: Any) -> None:
    """A rotation must not write back the encoding that it has read."""
    for i in range(4):
        outdate()
        pass_time(laptop.session.id)
        one, two = interleave(partial(refresh, laptop.refresh), i, log_in, None, locks=True)
        assert code(one.result) == "ok", i
        laptop, _ = assert_all_live(one.result, two.result)


def change(hasher: str = "default") -> None:
    user = fetch()
    user.password = make_password(NEW_PASSWORD, hasher=hasher)
    user.save()


@pytest.mark.parametrize("hasher", ["default", "md5"])
def test_a_real_change_during_a_rehash_ends_everything_old(laptop: Any, hasher: str) -> None:
    """And it stays, at whatever step it comes. `md5`: it comes from a process that has the old settings still."""
    for i in range(count_steps(log_in) + 1):
        outdate()
        tablet = log_in()
        outdate()
        one, _ = interleave(log_in, i, partial(change, hasher), None, locks=True)
        assert check_password(NEW_PASSWORD, fetch().password), i
        assert_dead(laptop, tablet, one.result)
        assert log_in() is None


def test_a_real_change_during_a_rehash_that_was_overtaken(laptop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another sign-in has re-encoded the password while this one did: its encoding is not written back either."""
    encode, overtaken = Preferred.encode, list[bool]()

    def slow(self: Preferred, password: str, salt: str, iterations: int | None = None) -> str:
        if password == PASSWORD and iterations is None and not overtaken:
            overtaken.append(True)
            rows = get_user_model()._default_manager.filter(username="alice", password__startswith="md5$")
            rows.update(password=encode(self, password, "the other's salt"))
        return encode(self, password, salt, iterations)

    monkeypatch.setattr(Preferred, "encode", slow)
    for i in range(count_steps(log_in) + 1):
        outdate()
        overtaken.clear()
        one, _ = interleave(log_in, i, change, None, locks=True)
        assert check_password(NEW_PASSWORD, fetch().password), i
        assert_dead(laptop, one.result)


def test_a_password_set_in_two_saves_is_not_taken_for_a_rehash(laptop: Any) -> None:
    """The first save leaves the instance looking as it does after a rehash, with the new password still unsaved."""
    user = fetch()
    user.set_password(NEW_PASSWORD)
    user.save(update_fields=["email"])
    user.save()
    assert fetch().check_password(NEW_PASSWORD)
    assert_dead(laptop)


@pytest.mark.parametrize("update_fields", [None, ["password"]])
def test_a_password_assigned_after_a_rehash_is_a_change(laptop: Any, update_fields: Any) -> None:
    user = fetch()
    assert user.check_password(PASSWORD)  # re-encodes it on this very instance
    assert type(user.password) is str  # and leaves nothing behind there
    assert_lives(laptop)
    user.password = make_password(NEW_PASSWORD)
    user.save(update_fields=update_fields)
    assert_dead(laptop)
