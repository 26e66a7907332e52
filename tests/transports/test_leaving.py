"""Signing out and in again: what ends, and what a browser is told to forget."""

from typing import Any

import pytest

from drf_lanyard.models import Session

from .kit import ACCESS, PASSWORD, REFRESH, Browser, code, script

pytestmark = pytest.mark.django_db
TRANSPORTS = ["hybrid", "cookie", "session"]


def lives(session_id: str) -> bool:
    return Session.objects.get(pk=session_id).revoked_at is None


def credentials_of(browser: Browser, body: dict[str, Any]) -> dict[str, str | None]:
    """The headers with which a page of this transport calls the API."""
    if "access" in body:
        return {"authorization": f"Bearer {body['access']}"}
    return browser.csrf() if "csrftoken" in browser.client.cookies else {}


@pytest.mark.parametrize("with_header", [True, False])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_logout(browser: Browser, alice: Any, transport: str, with_header: bool) -> None:
    body = browser.sign_in(transport)
    headers = credentials_of(browser, body)
    assert browser.post("/auth/logout/", **(headers if with_header else {})).status_code == 204
    assert not lives(body["session"])
    assert (browser.holds(ACCESS), browser.holds(REFRESH), browser.holds("sessionid")) == ("", "", "")
    assert browser.get("/protected/", **headers).status_code == 401
    assert browser.post("/auth/logout/").status_code == 204  # nobody is there any more


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_logout_everywhere_and_the_own_device(browser: Browser, alice: Any, transport: str) -> None:
    for method, path in (("post", "/auth/logout/all/"), ("delete", "/auth/sessions/{}/")):
        body = browser.sign_in(transport)
        headers = credentials_of(browser, body)
        assert browser.send(method, path.format(body["session"]), **headers).status_code == 204
        assert not lives(body["session"])
        assert (browser.holds(ACCESS), browser.holds(REFRESH), browser.holds("sessionid")) == ("", "", "")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_others_end_and_this_one_does_not(browser: Browser, alice: Any, transport: str) -> None:
    other, own = script().sign_in(), browser.sign_in(transport)
    headers = credentials_of(browser, own)
    assert browser.post("/auth/logout/others/", **headers).status_code == 204
    assert (lives(other["session"]), lives(own["session"])) == (False, True)
    assert browser.get("/protected/", **headers).status_code == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_changing_the_password_renews_by_the_same_transport(browser: Browser, alice: Any, transport: str) -> None:
    other, own = script().sign_in(), browser.sign_in(transport)
    held = {name: browser.holds(name) for name in browser.client.cookies}
    change = {"old_password": PASSWORD, "new_password": "through the looking glass"}
    answer = browser.post("/auth/password/change/", change, **credentials_of(browser, own))
    assert answer.status_code == 200
    body = answer.json()
    assert body["session"] == own["session"]
    assert set(body) == set(own)
    assert all(browser.holds(name) not in (value, "") for name, value in held.items() if name != "csrftoken")
    assert browser.get("/protected/", **credentials_of(browser, body)).status_code == 200
    assert (lives(other["session"]), lives(own["session"])) == (False, True)
    if transport != "session":
        assert browser.post("/auth/refresh/").status_code == 200
    for name, value in held.items():
        if name != "csrftoken":
            browser.client.cookies[name] = value
    assert browser.get("/protected/").status_code == 401
    assert browser.post("/auth/refresh/").status_code == 401


@pytest.mark.parametrize("after", ["bearer", *TRANSPORTS])
@pytest.mark.parametrize("before", TRANSPORTS)
def test_nothing_survives_the_next_sign_in(alice: Any, before: str, after: str) -> None:
    """Of what the browser held: its session has ended, and its cookies are overwritten or cleared."""
    client = script()
    first = client.sign_in(before)
    held = {name: client.holds(name) for name in (ACCESS, REFRESH, "sessionid")}
    second = client.sign_in(after)
    replaced = before != "session" or after == "session"  # a Django session is the admin's, too
    assert lives(first["session"]) != replaced
    assert lives(second["session"])
    if replaced:
        assert all(client.holds(name) != value for name, value in held.items() if value)
    assert bool(client.holds(ACCESS)) == (after == "cookie")


def test_a_cookie_of_somebody_else_is_not_enough_to_end_a_session(browser: Browser, alice: Any) -> None:
    """A made-up token that names a session ends nothing."""
    genuine = browser.sign_in("cookie")
    forged = browser.holds(REFRESH)[:-4] + "AAAA"
    client = script()
    client.client.cookies[REFRESH] = forged
    client.sign_in()
    assert lives(genuine["session"])
    client.client.cookies[REFRESH] = forged
    client.page = browser.page
    assert client.post("/auth/logout/").status_code == 204
    assert lives(genuine["session"])


def test_a_header_decides_what_is_left(browser: Browser, alice: Any) -> None:
    """Signing out with the token of one session leaves the other one, whose cookies come along."""
    kept, left = browser.sign_in("cookie"), script().sign_in()
    assert browser.post("/auth/logout/", authorization=f"Bearer {left['access']}").status_code == 204
    assert (lives(kept["session"]), lives(left["session"])) == (True, False)
    assert browser.holds(REFRESH)


def test_leaving_an_app_is_not_leaving_the_admin(browser: Browser, alice: Any) -> None:
    admin = browser.sign_in("session")
    app = browser.sign_in("cookie")
    assert browser.post("/auth/logout/").status_code == 204
    assert (lives(admin["session"]), lives(app["session"])) == (True, False)
    assert browser.get("/auth/me/").json()["method"] == "session"
    assert browser.post("/auth/logout/").status_code == 204
    assert not lives(admin["session"])


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_cookie_without_a_word_about_its_page_ends_nothing(alice: Any, transport: str) -> None:
    client = script()
    session = client.sign_in(transport)["session"]
    assert code(client.post("/auth/logout/")) == (403, "csrf_failed")
    assert lives(session)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_answer_is_kept_by_a_cache_or_given_to_somebody_else(browser: Browser, alice: Any, transport: str) -> None:
    headers = credentials_of(browser, browser.sign_in(transport))
    refused = browser.post("/auth/password/change/", {}, **headers)
    answers = [
        browser.post("/auth/login/", {"username": "alice", "password": PASSWORD, "transport": transport}),
        refused,
        browser.get("/auth/me/", **headers),
        browser.get("/auth/sessions/", **headers),
        browser.get("/auth/sessions/"),
        browser.post("/auth/refresh/"),
        browser.post("/auth/logout/", **headers),
        browser.get("/auth/me/"),
    ]
    for answer in answers:
        assert answer["Cache-Control"] == "no-store"
        assert {"Authorization", "Cookie"} <= {name.strip() for name in answer["Vary"].split(",")}
