"""Django prolongs its sessions, and may keep them for longer than the log remembers: nothing of that loses one."""

import io
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session as Stored
from django.core.management import call_command
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from drf_lanyard import django_sessions, revoke_session, revoke_user
from drf_lanyard.core.generations import Generations
from drf_lanyard.core.policy import DAY, HOUR
from drf_lanyard.models import Revocation, Session
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.orm import prune_sessions
from drf_lanyard.wiring import get_lanyard
from tests.rest.statements import recorded

from .kit import Browser

pytestmark = pytest.mark.django_db(transaction=True)
STORES = [f"django.contrib.sessions.backends.{name}" for name in ("db", "cached_db", "cache", "file")]
COOKIES = "django.contrib.sessions.backends.signed_cookies"
ENDINGS: dict[str, Callable[[Any, str], object]] = {
    "revoke_session": lambda user, session: revoke_session(session),
    "revoke_user": lambda user, session: revoke_user(user),
}


@pytest.fixture
def alice(alice: Any) -> Any:
    get_user_model().objects.update(is_staff=True)
    alice.refresh_from_db()
    return alice


@pytest.fixture
def browser(alice: Any) -> Browser:
    return Browser()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: os.PathLike[str]) -> Any:
    with override_settings(SESSION_ENGINE=request.param, SESSION_FILE_PATH=os.fspath(tmp_path)):
        yield


def in_admin(browser: Browser) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


def let_pass(days: float, *, absolute: bool = False) -> None:
    """So long ago the row was written; what Django has stored since is as it is."""
    aged = {name: F(name) - days * DAY for name in ("created_at", "rotated_at", "idle_expires_at")}
    if absolute:
        aged["absolute_expires_at"] = F("absolute_expires_at") - days * DAY
    Session.objects.update(**aged)


def prune() -> str:
    out = io.StringIO()
    call_command("lanyard_prune", stdout=out)
    return out.getvalue()


def listed(browser: Browser) -> int:
    return len(browser.get("/auth/sessions/").json())


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The log has forgotten everything, and the clock goes on."""

    def later() -> None:
        Revocation.objects.all().delete()
        ahead = get_lanyard().policy.retention + 1
        monkeypatch.setattr(SystemClock, "time", lambda self: time.time() + ahead)

    return later


# The row of a session that Django prolongs


def test_a_session_that_lives_keeps_its_row(browser: Browser, alice: Any, store: Any) -> None:
    browser.sign_in("session")
    let_pass(22)
    assert listed(browser) == 0
    assert prune().startswith("Deleted 0 sessions")
    assert listed(browser) == 1
    row = Session.objects.get()
    assert 13 * DAY < row.idle_expires_at - time.time() <= 14 * DAY
    revoke_user(alice)
    assert not in_admin(browser)
    assert browser.get("/protected/").status_code == 401


def test_a_row_moves_on_before_it_would_be_deleted(browser: Browser) -> None:
    browser.sign_in("session")
    let_pass(14.5)
    prune()
    assert listed(browser) == 1


@override_settings(LANYARD={"SESSION_LIFETIME": 20 * DAY, "THROTTLE": None})
def test_never_beyond_its_absolute_end(browser: Browser) -> None:
    browser.sign_in("session")
    let_pass(15, absolute=True)
    prune()
    row = Session.objects.get()
    assert row.idle_expires_at == row.absolute_expires_at
    let_pass(6, absolute=True)
    assert in_admin(browser)  # Django knows of no such end
    prune()
    assert not in_admin(browser)
    assert not Stored.objects.exists()


def test_whoever_cannot_ask_django_deletes_no_row(browser: Browser) -> None:
    """Also what happens to a row that ends between the question and the deletion."""
    browser.sign_in("session")
    let_pass(22)
    assert list(prune_sessions("default", 7 * DAY, 10)) == [0]


@pytest.mark.parametrize("how", ["expired", "deleted"])
def test_a_session_that_is_over_does_not_keep_its_row(browser: Browser, how: str) -> None:
    browser.sign_in("session")
    if how == "expired":  # and `clearsessions` has not run
        Stored.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    else:
        Stored.objects.all().delete()
    let_pass(15)
    assert prune().startswith("Deleted 0 sessions")
    assert Session.objects.get().secret == ""
    let_pass(7)
    assert prune().startswith("Deleted 1 sessions")


def test_somebody_else_in_the_same_session_is_left_alone(browser: Browser) -> None:
    browser.sign_in("session")
    let_pass(22)
    store: Any = browser.client.session
    store["_lanyard"] = {**store["_lanyard"], "id": "0" * 32}
    store.save()
    assert prune().startswith("Deleted 1 sessions")
    assert Stored.objects.count() == 1


@pytest.mark.parametrize("remedy", ["lanyard_prune", "revoke_user"])
def test_what_an_ending_left_behind_is_deleted(browser: Browser, alice: Any, remedy: str) -> None:
    """The process died after the commit, or the store failed; or a trigger ended the session."""
    session = browser.sign_in("session")["session"]
    Session.objects.filter(pk=session).update(revoked_at=time.time() - 1)
    assert in_admin(browser)
    if remedy == "lanyard_prune":
        prune()
    else:
        revoke_user(alice)
    assert not in_admin(browser)
    assert not Stored.objects.exists()
    assert Session.objects.get().secret == ""


def test_remembered_for_a_year(
    browser: Browser, an_hour_later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`set_expiry` after the sign-in is seen at the next look."""
    browser.sign_in("session")
    store: Any = browser.client.session
    store.set_expiry(365 * DAY)
    store.save()
    an_hour_later()
    assert browser.get("/protected/").status_code == 200
    assert Session.objects.get().idle_expires_at == Session.objects.get().absolute_expires_at
    Stored.objects.update(expire_date=timezone.now() + timedelta(days=3))  # and has not been saved since
    monkeypatch.setattr(django_sessions, "_looks", Generations(10))
    assert browser.get("/protected/").status_code == 200
    assert Session.objects.get().idle_expires_at - time.time() == pytest.approx(3 * DAY, abs=60)


@override_settings(SESSION_SAVE_EVERY_REQUEST=True)
def test_one_that_slides_is_taken_to_go_on(browser: Browser, an_hour_later: Callable[[], None]) -> None:
    browser.sign_in("session")
    for look in (lambda: None, an_hour_later):
        look()
        assert browser.get("/protected/").status_code == 200
        assert Session.objects.get().idle_expires_at == Session.objects.get().absolute_expires_at


# What the log has forgotten


@pytest.mark.parametrize("ending", ENDINGS)
@override_settings(SESSION_ENGINE=COOKIES)
def test_a_signed_cookie_that_was_ended_stays_ended(
    browser: Browser, alice: Any, ending: str, an_hour_later: Callable[[], None]
) -> None:
    session = browser.sign_in("session")["session"]
    stolen = browser.holds("sessionid")
    ENDINGS[ending](alice, session)
    an_hour_later()
    for _ in range(2):
        thief = Browser()
        thief.client.cookies["sessionid"] = stolen
        assert thief.get("/protected/").status_code == 401


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_whose_deletion_failed_stays_ended(
    browser: Browser, alice: Any, ending: str, an_hour_later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = browser.sign_in("session")["session"]
    monkeypatch.setattr(django_sessions, "destroy", lambda keys: None)
    ENDINGS[ending](alice, session)
    assert Stored.objects.count() == 1
    an_hour_later()
    assert browser.get("/protected/").status_code == 401
    assert not in_admin(browser)


def test_without_its_row_it_is_over(browser: Browser, an_hour_later: Callable[[], None]) -> None:
    """Nobody could end it any more."""
    browser.sign_in("session")
    Session.objects.all()._raw_delete("default")
    an_hour_later()
    assert browser.get("/protected/").status_code == 401
    assert not in_admin(browser)


def test_ended_after_a_look_that_is_still_remembered(browser: Browser, an_hour_later: Callable[[], None]) -> None:
    session = browser.sign_in("session")["session"]
    an_hour_later()
    assert browser.get("/protected/").status_code == 200
    revoke_session(session)
    assert browser.get("/protected/").status_code == 401


def test_what_a_look_costs(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing for half an hour; then the row, in each process that sees the session, and again nothing.

    The Django session is not saved: that would prolong it, and could undo what another request has put into it.
    """
    browser.sign_in("session")
    before = Stored.objects.get()
    spent = []
    for minutes in (0, 29, 31, 32, 60, 62):
        monkeypatch.setattr(SystemClock, "time", lambda self, minutes=minutes: time.time() + minutes * 60)
        with recorded() as statements:
            assert browser.get("/protected/").status_code == 200
        spent.append(len([sql for sql in statements if "lanyard_session" in sql]))
    assert spent == [0, 0, 1, 0, 0, 1]
    after = Stored.objects.get()
    assert (after.session_data, after.expire_date) == (before.session_data, before.expire_date)


def test_a_clock_that_was_set_back_is_no_excuse(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    session = browser.sign_in("session")["session"]
    Session.objects.filter(pk=session).update(revoked_at=time.time())
    monkeypatch.setattr(SystemClock, "time", lambda self: time.time() - HOUR)
    assert browser.get("/protected/").status_code == 401


def test_a_session_of_a_release_without_looks(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    session = browser.sign_in("session")["session"]
    store: Any = browser.client.session
    store["_lanyard"] = {name: value for name, value in store["_lanyard"].items() if name != "looked"}
    store.save()
    assert browser.get("/protected/").status_code == 200
    Session.objects.filter(pk=session).update(revoked_at=1.0)
    monkeypatch.setattr(django_sessions, "_looks", Generations(10))
    assert browser.get("/protected/").status_code == 401
