"""Django's sessions among the devices: opened by us or by the admin, ended from anywhere, and gone from the store."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session as Stored
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone

from drf_lanyard import checks, revoke_session, revoke_user, sign_in
from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.models import Session

from .kit import PASSWORD, Browser, code, script

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "through the looking glass"


def stored() -> int:
    return Stored.objects.count()


def in_admin(browser: Browser) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


@pytest.fixture
def alice(alice: Any) -> Any:
    alice.is_staff = True
    alice.save()
    return alice


def test_listed_with_the_others(browser: Browser, alice: Any) -> None:
    session = browser.sign_in("session")["session"]
    script().sign_in()
    rows = browser.get("/auth/sessions/").json()
    assert [(row["transport"], row["current"]) for row in rows] == [("bearer", False), ("session", True)]
    assert rows[1]["id"] == session
    assert in_admin(browser)
    me = browser.get("/auth/me/").json()
    assert (me["method"], me["session"], me["user"]["username"]) == ("session", session, "alice")


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


ENDINGS: dict[str, Callable[[Any, str], object]] = {
    "revoke_session": lambda user, session: revoke_session(session),
    "revoke_user": lambda user, session: revoke_user(user),
    "the row is deleted": lambda user, session: Session.objects.get(pk=session).delete(),
    "password": lambda user, session: (user.set_password(NEW), user.save()),
    "deactivation": lambda user, session: deactivate(user),
    "the user is deleted": lambda user, session: user.delete(),
    "command": lambda user, session: call_command("lanyard_revoke", session=session, verbosity=0),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_it_removes_it_from_django_s_store(browser: Browser, alice: Any, ending: str) -> None:
    session = browser.sign_in("session")["session"]
    assert stored() == 1
    ENDINGS[ending](alice, session)
    assert stored() == 0
    assert browser.get("/protected/").status_code == 401
    assert not in_admin(browser)


@pytest.mark.parametrize("path", ["logout/all/", "logout/others/", "sessions/{}/", "password/change/"])
def test_ended_from_another_device(browser: Browser, alice: Any, path: str) -> None:
    session = browser.sign_in("session")["session"]
    access = script().sign_in()["access"]
    body = {"old_password": PASSWORD, "new_password": NEW} if "password" in path else {}
    method = "delete" if "sessions" in path else "post"
    answer = script().send(method, f"/auth/{path.format(session)}", body, authorization=f"Bearer {access}")
    assert answer.status_code in (200, 204)
    assert stored() == 0
    assert browser.get("/protected/").status_code == 401
    assert not in_admin(browser)
    assert Session.objects.get(pk=session).secret == ""


def test_a_rolled_back_revocation_removes_nothing(browser: Browser, alice: Any) -> None:
    from django.db import transaction

    session = browser.sign_in("session")["session"]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        revoke_session(session)
        raise ZeroDivisionError
    assert stored() == 1
    assert browser.get("/protected/").status_code == 200


def test_the_admin_s_own_sign_in_is_a_device_too(browser: Browser, alice: Any) -> None:
    page = browser.get("/admin/login/")
    assert page.status_code == 200
    body = f"username=alice&password={PASSWORD}&csrfmiddlewaretoken={browser.holds('csrftoken')}&next=/admin/"
    browser.post("/admin/login/", body, content_type="application/x-www-form-urlencoded", referer="https://testserver/")
    assert in_admin(browser)
    [row] = browser.get("/auth/sessions/").json()
    assert (row["transport"], row["method"], row["current"]) == ("session", "password", True)
    browser.post("/admin/logout/", **browser.csrf())
    assert Session.objects.get(pk=row["id"]).revoked_reason == "logout"
    assert not in_admin(browser)


def test_signing_in_again_in_the_same_session_keeps_its_row(alice: Any) -> None:
    client = Client()
    client.force_login(alice)
    client.force_login(alice)
    assert Session.objects.live().count() == 1
    other = get_user_model().objects.create_user("bob")
    client.force_login(other)
    assert list(Session.objects.live().values_list("user__username", flat=True)).count("bob") == 1


def test_no_row_where_the_transport_is_not_wanted(alice: Any) -> None:
    with override_settings(LANYARD={"TRANSPORTS": ["bearer"]}):
        Client().force_login(alice)
    assert not Session.objects.exists()


def test_a_session_from_before_is_let_in_but_manages_nothing(browser: Browser, alice: Any) -> None:
    with override_settings(LANYARD={"TRANSPORTS": ["bearer"]}):
        browser.client.force_login(alice)
    assert browser.get("/protected/").json() == {"user": alice.pk}
    assert browser.get("/auth/me/").json()["session"] is None
    assert code(browser.get("/auth/sessions/")) == (403, "permission_denied")


def test_a_key_that_django_has_changed_is_followed(browser: Browser, alice: Any) -> None:
    """As when a retired SECRET_KEY is still accepted: Django cycles the key by itself."""
    session = browser.sign_in("session")["session"]
    store: Any = browser.client.session
    store.cycle_key()
    browser.client.cookies["sessionid"] = store.session_key
    assert browser.get("/protected/").status_code == 200
    assert Session.objects.get(pk=session).secret == store.session_key
    revoke_session(session)
    assert stored() == 0


def test_changed_claims_do_not_end_it(browser: Browser, alice: Any) -> None:
    with override_settings(LANYARD={"CLAIMS": lambda user, session: {"staff": user.is_staff}}):
        assert browser.sign_in("session")["claims"] == {"staff": True}
        alice.is_staff = False
        alice.save()
        assert browser.get("/auth/me/").json()["claims"] == {"staff": False}
        assert browser.get("/protected/").status_code == 200


def test_the_absolute_end(browser: Browser, alice: Any) -> None:
    with override_settings(LANYARD={"SESSION_LIFETIME": 3600, "REFRESH_TOKEN_LIFETIME": 600}):
        browser.sign_in("session")
        row = Session.objects.get()
        assert row.idle_expires_at == row.absolute_expires_at
        store: Any = browser.client.session
        store["_lanyard"] = {**store["_lanyard"], "until": row.created_at - 1}
        store.save()
        assert browser.get("/protected/").status_code == 401
    assert stored() == 0


def test_django_s_own_end(browser: Browser, alice: Any) -> None:
    browser.sign_in("session")
    Stored.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert browser.get("/protected/").status_code == 401


@pytest.mark.parametrize("ending", ["revoke_session", "revoke_user"])
@override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies")
def test_in_signed_cookies_it_cannot_be_deleted_but_is_refused(browser: Browser, alice: Any, ending: str) -> None:
    session = browser.sign_in("session")["session"]
    assert browser.get("/protected/").status_code == 200
    stolen = browser.holds("sessionid")
    ENDINGS[ending](alice, session)
    thief = Browser(browser.stack)
    for client in (browser, thief):
        client.client.cookies["sessionid"] = stolen
        assert client.get("/protected/").status_code == 401
        assert client.get("/public/").json() == {"user": None}


def test_a_warning_about_signed_cookies() -> None:
    from drf_lanyard.checks.environment import check_django_sessions

    assert check_django_sessions() == []
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        [warning] = check_django_sessions()
        assert warning.id == "lanyard.W016"
        assert warning.id in checks.CATALOGUE
        with override_settings(LANYARD={"TRANSPORTS": ["bearer"]}):
            assert check_django_sessions() == []


def test_from_python_it_needs_a_request_with_a_session(alice: Any) -> None:
    with pytest.raises(ConfigurationError, match="SessionMiddleware"):
        sign_in(None, alice, transport="session")
    assert not Session.objects.exists()


def test_staff_in_the_admin_call_the_api_with_a_header(browser: Browser, alice: Any) -> None:
    """No CSRF token, no Origin, whatever cookies come along."""
    browser.sign_in("session")
    access = script().sign_in()["access"]
    header: dict[str, str | None] = {"authorization": f"Bearer {access}", "origin": None, "sec_fetch_site": None}
    assert browser.post("/protected/", **header).json() == {"user": alice.pk}
    assert browser.get("/auth/me/", **header).json()["method"] == "jwt"
    assert in_admin(browser)
