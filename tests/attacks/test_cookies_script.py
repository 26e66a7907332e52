"""What a script in the page (XSS) can do with a session that is in cookies: call the API, and nothing more."""

import json
from typing import Any

import pytest

from drf_lanyard.models import Session
from drf_lanyard.wiring import get_lanyard
from tests.transports.kit import ACCESS, PASSWORD, REFRESH, Browser, code, script

pytestmark = pytest.mark.django_db

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("refresh/", {}),
    ("refresh/", {"transport": "bearer"}),
    ("refresh/?transport=bearer", {}),
    ("refresh/", {"refresh": None}),
    ("refresh/", {"refresh": ""}),
    ("login/", {"transport": "bearer"}),
    ("login/", {"username": "alice", "password": "a guess", "transport": "bearer"}),
    ("verify/", {"token": "x"}),
    ("password/change/", {"old_password": "a guess", "new_password": "through the looking glass"}),
    ("logout/others/", {}),
]


@pytest.mark.parametrize("transport", ["cookie", "session"])
def test_no_answer_holds_a_token(browser: Browser, alice: Any, transport: str) -> None:
    session = browser.sign_in(transport)["session"]
    headers = browser.csrf() if transport == "session" else {}
    held = {browser.holds(name) for name in (ACCESS, REFRESH, "sessionid")} - {""}
    for path, body in CALLS:
        answer = browser.post(f"/auth/{path}", body, **headers)
        held |= {browser.holds(name) for name in (ACCESS, REFRESH, "sessionid")} - {""}
        assert_no_secret(answer.content.decode(), held)
    for path in ("me/", "sessions/"):
        answer = browser.get(f"/auth/{path}")
        assert answer.status_code == 200
        assert_no_secret(answer.content.decode(), held)
    assert Session.objects.get(pk=session).transport == transport


def assert_no_secret(text: str, held: set[str]) -> None:
    assert not any(secret in text for secret in held)
    assert "eyJ" not in text
    assert "lrt_" not in text


def test_every_cookie_is_out_of_a_script_s_reach(browser: Browser, alice: Any) -> None:
    for transport in ("cookie", "hybrid"):
        browser.sign_in(transport)
        for morsel in browser.client.cookies.values():
            assert morsel["httponly"], morsel.key


def test_a_hybrid_session_shows_its_access_token_only(browser: Browser, alice: Any) -> None:
    body = browser.sign_in("hybrid")
    refresh = browser.holds(REFRESH)
    for answer in (
        browser.post("/auth/refresh/"),
        browser.get("/auth/me/", authorization=f"Bearer {body['access']}"),
        browser.get("/auth/sessions/", authorization=f"Bearer {body['access']}"),
    ):
        assert answer.status_code == 200
        assert refresh not in answer.content.decode()
        assert "lrt_" not in answer.content.decode()


@pytest.mark.parametrize("transport", ["cookie", "hybrid"])
def test_a_refresh_token_that_leaked_is_of_no_use_to_anybody_else(alice: Any, transport: str) -> None:
    """Not in a body, not from a script outside any browser, whatever it says that it wants."""
    victim = Browser()
    session = victim.sign_in(transport)["session"]
    stolen = victim.holds(REFRESH)
    for thief in (script(), Browser()):
        answer = thief.post("/auth/refresh/", {"refresh": stolen, "transport": "bearer"})
        assert answer.status_code in (400, 401)
        assert_no_secret(answer.content.decode(), {stolen})
    assert Session.objects.get(pk=session).revoked_at is None
    assert victim.post("/auth/refresh/").status_code == 200


def test_the_tokens_behind_a_django_session_are_handed_to_nobody(browser: Browser, alice: Any) -> None:
    body = browser.sign_in("session")
    assert_no_secret(json.dumps(body), {browser.holds("sessionid")})
    state = get_lanyard().sessions.load(Session.objects.get(pk=body["session"]).pk)
    assert state is not None
    forged = get_lanyard().refresh_tokens.derive(state.id, state.secret, 0)
    assert code(script().post("/auth/refresh/", {"refresh": forged})) == (401, "token_invalid")
    browser.client.cookies[REFRESH] = forged
    assert code(browser.post("/auth/refresh/")) == (401, "token_invalid")
    assert browser.get("/protected/").status_code == 200


def test_nothing_planted_before_the_sign_in_survives_it(browser: Browser, alice: Any) -> None:
    """Fixation: the victim's browser holds the attacker's cookies, and then the victim signs in."""
    for transport in ("cookie", "hybrid", "session"):
        attacker = Browser(browser.stack)
        type(alice).objects.create_user(f"mallory {transport}", password=PASSWORD)
        attacker.sign_in("cookie", f"mallory {transport}")
        attacker.sign_in("session", f"mallory {transport}")
        planted = {name: morsel.value for name, morsel in attacker.client.cookies.items() if morsel.value}
        victim = Browser(browser.stack)
        for name, value in planted.items():
            victim.client.cookies[name] = value
        victim.sign_in(transport)
        if transport == "session":
            assert victim.holds("sessionid") != planted["sessionid"]
            assert attacker.get("/protected/").status_code == 401  # nor is the attacker in the victim's session
        else:
            assert victim.holds(REFRESH)
            assert victim.holds(REFRESH) != planted.get(REFRESH)
        assert victim.holds(ACCESS) != planted.get(ACCESS) or not planted.get(ACCESS)
