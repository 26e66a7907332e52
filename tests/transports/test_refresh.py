"""A session keeps its transport: what comes another way is refused, and nothing happens to it."""

from typing import Any

import pytest
from django.test import override_settings

from drf_lanyard import revoke_session
from drf_lanyard.models import Session

from .kit import ACCESS, REFRESH, Browser, code, script

pytestmark = pytest.mark.django_db
NO_GRACE = override_settings(LANYARD={"REFRESH_GRACE": 0})


def state(session_id: str) -> Any:
    return Session.objects.values("counter", "revoked_at", "rotated_at").get(pk=session_id)


@NO_GRACE
@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_by_cookie(browser: Browser, alice: Any, transport: str) -> None:
    signed_in = browser.sign_in(transport)
    old = browser.holds(REFRESH)
    answer = browser.post("/auth/refresh/")
    assert answer.status_code == 200
    assert answer.json()["session"] == signed_in["session"]
    assert ("access" in answer.json()) == (transport == "hybrid")
    assert "refresh" not in answer.json()
    assert browser.holds(REFRESH) not in (old, "")
    assert state(signed_in["session"])["counter"] == 1


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_a_cookie_s_token_in_a_body_is_refused(browser: Browser, alice: Any, transport: str) -> None:
    session = browser.sign_in(transport)["session"]
    before, stolen = state(session), browser.holds(REFRESH)
    with NO_GRACE:
        assert code(script().post("/auth/refresh/", {"refresh": stolen})) == (401, "token_invalid")
        assert state(session) == before
        assert browser.post("/auth/refresh/").status_code == 200


def test_a_body_s_token_in_a_cookie_is_refused(browser: Browser, alice: Any) -> None:
    tokens = script().sign_in()
    before = state(tokens["session"])
    browser.client.cookies[REFRESH] = tokens["refresh"]
    with NO_GRACE:
        refused = browser.post("/auth/refresh/")
        assert code(refused) == (401, "token_invalid")
        assert not refused.cookies
        assert state(tokens["session"]) == before
        assert script().post("/auth/refresh/", {"refresh": tokens["refresh"]}).status_code == 200


def test_a_django_session_has_no_refresh(browser: Browser, alice: Any) -> None:
    browser.sign_in("session")
    assert code(browser.post("/auth/refresh/")) == (401, "not_authenticated")


def test_a_page_that_asks_who_is_there_is_told_nobody(browser: Browser) -> None:
    refused = browser.post("/auth/refresh/")
    assert code(refused) == (401, "not_authenticated")
    assert refused["WWW-Authenticate"] == 'Bearer realm="api"'
    assert code(script().post("/auth/refresh/")) == (400, "invalid_request")


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_a_refusal_clears_the_cookies_of_that_session(browser: Browser, alice: Any, transport: str) -> None:
    revoke_session(browser.sign_in(transport)["session"])
    assert code(browser.post("/auth/refresh/")) == (401, "token_revoked")
    assert (browser.holds(REFRESH), browser.holds(ACCESS)) == ("", "")


def test_a_refusal_leaves_the_cookies_of_another_session(browser: Browser, alice: Any) -> None:
    revoke_session(browser.sign_in("cookie")["session"])
    dead = browser.holds(REFRESH)
    browser.client.cookies.clear()
    browser.sign_in("cookie")
    living = browser.holds(ACCESS)
    browser.client.cookies[REFRESH] = dead
    assert code(browser.post("/auth/refresh/")) == (401, "token_revoked")
    assert (browser.holds(ACCESS), browser.holds(REFRESH)) == (living, "")
    assert browser.get("/protected/").status_code == 200


def test_a_token_in_the_body_is_the_only_one_looked_at(alice: Any) -> None:
    """Even where a cookie comes along: its session is not refreshed, and it is not cleared."""
    client = script()
    client.sign_in("cookie")
    refused = client.post("/auth/refresh/", {"refresh": "lrt_nonsense"})
    assert code(refused) == (401, "token_malformed")
    assert not refused.cookies
    assert client.holds(REFRESH)


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_a_cookie_without_a_word_about_its_page_is_refused(alice: Any, transport: str) -> None:
    client = script()
    session = client.sign_in(transport)["session"]
    before = state(session)
    with NO_GRACE:
        assert code(client.post("/auth/refresh/")) == (403, "csrf_failed")
        assert state(session) == before
        client.page = {"origin": "https://testserver"}
        assert client.post("/auth/refresh/").status_code == 200


def test_one_idempotency_key_one_successor(browser: Browser, alice: Any) -> None:
    browser.sign_in("cookie")
    first = browser.holds(REFRESH)
    with NO_GRACE:
        assert browser.post("/auth/refresh/", idempotency_key="a").status_code == 200
        second = browser.holds(REFRESH)
        browser.client.cookies[REFRESH] = first  # the answer was lost
        assert browser.post("/auth/refresh/", idempotency_key="a").status_code == 200
    assert browser.holds(REFRESH) == second != first
