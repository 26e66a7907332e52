"""Which transport a client gets, and what then travels where."""

from typing import Any

import pytest
from django.test import override_settings

from drf_lanyard.models import Session

from .kit import ACCESS, REFRESH, Browser, code, script

pytestmark = pytest.mark.django_db

APP = {"origin": "capacitor://localhost"}
LOGIN = {"username": "alice", "password": "wonderland"}


def transport_of(body: dict[str, Any]) -> str:
    transport: str = Session.objects.get(pk=body["session"]).transport
    return transport


def test_a_browser_gets_hybrid_and_anybody_else_bearer(browser: Browser, alice: Any) -> None:
    assert transport_of(browser.sign_in()) == "hybrid"
    assert transport_of(Browser(page={"sec-fetch-site": "same-origin"}).sign_in()) == "hybrid"
    assert transport_of(script().sign_in()) == "bearer"


@pytest.mark.parametrize(
    ("transport", "in_body", "in_cookies"),
    [
        ("hybrid", {"access"}, {REFRESH}),
        ("cookie", set(), {ACCESS, REFRESH}),
        ("session", set(), {"sessionid", "csrftoken"}),
    ],
)
def test_what_travels_where(
    browser: Browser, alice: Any, transport: str, in_body: set[str], in_cookies: set[str]
) -> None:
    body = browser.sign_in(transport)
    assert transport_of(body) == transport
    assert {"access", "refresh"} & set(body) == in_body
    assert ("token_type" in body) == bool(in_body)
    assert {"expires_in", "session", "user", "claims"} <= set(body)
    assert set(browser.client.cookies) == in_cookies


def test_bearer_puts_everything_into_the_body_and_nothing_into_cookies(alice: Any) -> None:
    client = script()
    assert {"access", "refresh"} <= set(client.sign_in())
    assert not client.client.cookies


@pytest.mark.parametrize("method", ["login", "refresh", "password/change"])
def test_a_browser_gets_no_refresh_token_in_a_body(browser: Browser, alice: Any, method: str) -> None:
    """Not even for a bearer session that came about elsewhere."""
    tokens = script().sign_in()
    change = {"old_password": "wonderland", "new_password": "through the looking glass"}
    bodies = {"login": {**LOGIN, "transport": "bearer"}, "refresh": {"refresh": tokens["refresh"]}}
    header = {"authorization": f"Bearer {tokens['access']}"} if method == "password/change" else {}
    refused = browser.post(f"/auth/{method}/", bodies.get(method, change), **header)
    assert code(refused) == (400, "invalid_request")
    assert "refresh token in a body" in refused.json()["detail"]
    assert b"lrt_" not in refused.content
    alice.refresh_from_db()
    assert alice.check_password("wonderland")
    assert script().post("/auth/refresh/", {"refresh": tokens["refresh"]}).status_code == 200


@override_settings(LANYARD={"BEARER_ORIGINS": ["capacitor://localhost"]})
def test_an_app_in_a_web_view_may_hold_one_if_it_is_listed(alice: Any) -> None:
    app = Browser(page=APP)
    body = app.sign_in()
    assert transport_of(body) == "bearer"
    assert app.post("/auth/refresh/", {"refresh": body["refresh"]}).status_code == 200
    assert transport_of(app.sign_in("hybrid")) == "hybrid"
    assert code(Browser(page={"origin": "ionic://localhost"}).post("/auth/login/", LOGIN)) == (403, "csrf_failed")


@override_settings(LANYARD={"TRANSPORTS": ["hybrid"]})
def test_only_what_is_allowed(alice: Any) -> None:
    for wanted in ("bearer", "cookie", "session", "pigeon", ""):
        assert code(script().post("/auth/login/", {**LOGIN, "transport": wanted})) == (400, "invalid_request")
    assert transport_of(script().sign_in()) == "hybrid"


def test_no_session_without_django_s_middleware(alice: Any, settings: Any) -> None:
    settings.MIDDLEWARE = []
    assert code(script().post("/auth/login/", {**LOGIN, "transport": "session"})) == (400, "invalid_request")
    assert script().sign_in()


def test_cookies_need_https_outside_development(browser: Browser, alice: Any, settings: Any) -> None:
    browser.secure, browser.page = False, {"origin": "http://testserver"}
    refused = browser.post("/auth/login/", LOGIN)
    assert code(refused) == (400, "invalid_request")
    assert "HTTPS" in refused.json()["detail"]
    settings.DEBUG = True
    assert transport_of(browser.sign_in()) == "hybrid"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "localhost", "127.0.0.1:443"])
def test_development_works_with_nothing_turned_off(browser: Browser, alice: Any, settings: Any, host: str) -> None:
    settings.DEBUG = True
    browser.secure = False
    browser.page = {"origin": f"http://{host}", "sec-fetch-site": "same-origin", "host": host}
    browser.sign_in("cookie")
    assert set(browser.client.cookies) == {"lanyard-access", "lanyard-refresh"}
    assert not any(morsel["secure"] for morsel in browser.client.cookies.values())
    assert browser.post("/protected/").status_code == 200
    assert browser.post("/auth/refresh/").status_code == 200
    assert browser.post("/auth/logout/").status_code == 204
    assert browser.get("/protected/").status_code == 401
