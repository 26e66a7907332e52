"""The cross-site rule: every call that opens, renews or ends a session, or that a cookie carries, from every page."""

from itertools import product
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings

from drf_lanyard.models import Session
from tests.transports.kit import ACCESS, HOST, PASSWORD, REFRESH, Browser, script

pytestmark = pytest.mark.django_db

LISTED = "https://app.example"
FETCH_SITES = (None, "same-origin", "same-site", "cross-site", "none", "nonsense")
#: Origins with whether the rule takes them for ours; None: the header is missing.
ORIGINS = {
    None: True,
    HOST: True,
    LISTED: True,
    "null": False,
    "https://evil.example": False,
    "http://testserver": False,
    "https://testserver:8443": False,
    "https://testserver.evil.example": False,
    "https://eviltestserver": False,
    "https://sub.testserver": False,
    "https://testserver@evil.example": False,
    "https://evil@testserver": False,
    "https://testserver/": False,
    "https://testserver#": False,
    "https://app.example.evil.example": False,
    "http://app.example": False,
    "file://": False,
    "chrome-extension://testserver": False,
    f"{HOST} https://evil.example": False,
}
FEW_ORIGINS = (None, HOST, LISTED, "null", "https://evil.example", "https://testserver.evil.example")
CONTENT = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain",
}
CALLS = ("login", "refresh", "logout", "logout/all", "logout/others", "password/change", "api")


def allowed(origin: str | None, fetch_site: str | None, *, by_cookie: bool) -> bool:
    """What the rule promises, said once more in other words."""
    if origin is None and fetch_site is None:
        return not by_cookie
    if origin == LISTED:
        return True
    return ORIGINS[origin] and fetch_site in (None, "same-origin", "none")


def is_carried_by_cookie(call: str, transport: str) -> bool:
    """Whether a cookie of ours says who asks."""
    if call == "login" or transport == "bearer":
        return False
    return transport == "cookie" or call in ("refresh", "logout")


def body_of(call: str, tokens: dict[str, Any], transport: str) -> dict[str, str]:
    if call == "login":
        return {"username": "alice", "password": PASSWORD}
    if call == "password/change":
        return {"old_password": "not this", "new_password": "through the looking glass"}
    return {"refresh": tokens["refresh"]} if call == "refresh" and transport == "bearer" else {}


def encoded(body: dict[str, str], content: str) -> Any:
    return body if content == "json" else "&".join(f"{name}={value}" for name, value in body.items())


def state_of_sessions() -> list[Any]:
    return list(Session.objects.order_by("pk").values_list("pk", "counter", "revoked_at", "rotated_at"))


@pytest.mark.databases("sqlite")  # the rule asks no database
@pytest.mark.parametrize("content", CONTENT)
@pytest.mark.parametrize("transport", ["bearer", "hybrid", "cookie"])
@pytest.mark.parametrize("call", CALLS)
def test_matrix(browser: Browser, alice: Any, call: str, transport: str, content: str) -> None:
    """A refusal is 403 `csrf_failed` and changes nothing; otherwise the rule is not what decides."""
    settings = {"TRUSTED_ORIGINS": [LISTED], "THROTTLE": None, "REFRESH_GRACE": 3600, "BEARER_ORIGINS": [LISTED]}
    with override_settings(LANYARD=settings):
        tokens = signed_in(browser, transport)
        header = {"authorization": f"Bearer {tokens['access']}"} if "access" in tokens else {}
        if call in ("login", "refresh", "logout"):
            header = {}
        by_cookie = is_carried_by_cookie(call, transport)
        path = "/protected/" if call == "api" else f"/auth/{call}/"
        kept = {name: morsel.value for name, morsel in browser.client.cookies.items()}
        pages = list(product(ORIGINS if browser.stack == "wsgi" else FEW_ORIGINS, FETCH_SITES))
        refused = 0
        for origin, site in pages:
            # A header of the API itself is judged by CORS, not by the rule.
            if allowed(origin, site, by_cookie=by_cookie) or (call == "api" and not by_cookie):
                continue
            before = state_of_sessions()
            answer = send(
                browser, path, encoded(body_of(call, tokens, transport), content), content, origin, site, header
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed"), (origin, site)
            assert not answer.cookies
            assert state_of_sessions() == before
            refused += 1
        assert bool(refused) == (call != "api" or by_cookie)
        for origin, site in pages:
            if not allowed(origin, site, by_cookie=by_cookie):
                continue
            answer = send(
                browser, path, encoded(body_of(call, tokens, transport), content), content, origin, site, header
            )
            assert answer.status_code != 403, (origin, site, answer.content)
            if call.startswith("log"):
                tokens = signed_in(browser, transport)
                header = {"authorization": f"Bearer {tokens['access']}"} if header else {}
                kept = {name: morsel.value for name, morsel in browser.client.cookies.items()}
            for name, value in kept.items():
                browser.client.cookies[name] = value


def signed_in(browser: Browser, transport: str) -> dict[str, Any]:
    """Afresh, from the own page; a bearer session comes about elsewhere."""
    browser.client.cookies.clear()
    return (script(browser.stack) if transport == "bearer" else browser).sign_in(transport)


def send(
    browser: Browser, path: str, body: Any, content: str, origin: str | None, site: str | None, header: dict[str, Any]
) -> Any:
    return browser.post(path, body, content_type=CONTENT[content], origin=origin, sec_fetch_site=site, **header)


def test_a_form_of_another_site_signs_nobody_in(browser: Browser, alice: Any) -> None:
    """Login CSRF: no Content-Type and no parser makes a difference."""
    for content in (*CONTENT.values(), "multipart/form-data; boundary=x", ""):
        for page in ({"origin": "null"}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            browser.page = page
            answer = browser.post("/auth/login/", "username=alice&password=wonderland", content_type=content)
            assert answer.status_code == 403
            assert not answer.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", ["password/reset/", "password/reset/confirm/"])
def test_resets_from_another_site(browser: Browser, path: str) -> None:
    cache.clear()
    with override_settings(LANYARD={"PASSWORD_RESET_URL": "https://app.example/{uid}/{token}"}):
        browser.page = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert browser.post(f"/auth/{path}", {"email": "alice@example.com"}).status_code == 403
        for client in (script(browser.stack), Browser(browser.stack)):
            assert client.post(f"/auth/{path}", {"email": "alice@example.com"}).status_code in (204, 400)


def test_reading_needs_no_origin(alice: Any) -> None:
    client = script()
    client.sign_in("cookie")
    for page in ({}, {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}):
        client.page = page
        assert client.get("/protected/").status_code == 200
    assert client.post("/protected/").status_code == 403


@pytest.mark.parametrize("path", ["/public/", "/protected/"])
def test_a_dead_cookie_is_no_reason_to_refuse(browser: Browser, path: str, alice: Any) -> None:
    """A public view serves a stranger from anywhere; a protected one says 401, not 403."""
    browser.client.cookies[ACCESS] = "dead"
    browser.page = {"origin": "https://evil.example"}
    assert browser.post(path).status_code == (200 if path == "/public/" else 401)


def test_an_origin_for_apps_is_not_one_for_cookies(browser: Browser, alice: Any) -> None:
    """Listed for refresh tokens in bodies only: a request that a cookie carries is refused."""
    with override_settings(LANYARD={"BEARER_ORIGINS": ["capacitor://localhost"]}):
        browser.sign_in("cookie")
        browser.page = {"origin": "capacitor://localhost", "sec-fetch-site": "cross-site"}
        assert browser.holds(REFRESH)
        for path in ("/auth/refresh/", "/protected/", "/auth/logout/"):
            assert browser.post(path).status_code == 403


def test_a_django_session_keeps_django_s_rule(browser: Browser, alice: Any) -> None:
    browser.sign_in("session")
    assert browser.post("/protected/").json()["code"] == "csrf_failed"
    assert browser.post("/protected/", x_csrftoken="x" * 32).json()["code"] == "csrf_failed"
    assert browser.post("/protected/", **browser.csrf()).status_code == 200
    evil: dict[str, str | None] = {**browser.csrf(), "origin": "https://evil.example"}
    assert browser.post("/protected/", **evil).status_code == 403
    assert browser.get("/protected/", origin="https://evil.example").status_code == 200
