"""Calls through LanyardAuth: when it refreshes, when it repeats, what it leaves alone."""

import asyncio
import logging
import subprocess
import sys

import httpx
import pytest

from drf_lanyard.client import (
    LanyardAuth,
    MemoryTokens,
    SignInRefused,
    SignInRequired,
    TokenStoreError,
    Unavailable,
    UnexpectedAnswer,
)

from .fake import API, BASE, LIFETIME, PASSWORD, answers, refused, unreachable


def test_login_keeps_the_tokens_and_tells_who_signed_in(server, store, make_auth):
    auth = make_auth()
    assert not auth.signed_in
    account = auth.login("alice", PASSWORD, device="laptop")
    assert auth.signed_in
    assert (account.session, account.user, account.claims) == ("1", {"username": "alice"}, {"roles": ["author"]})
    assert store.load().refresh == "refresh-secret:1:0"
    body = server.calls("/auth/login/")[0].content
    assert b'"device":"laptop"' in body and b'"transport":"bearer"' in body


def test_a_call_carries_the_access_token_and_needs_no_refresh(server, api):
    assert api.get(API).status_code == 200
    assert server.requests[-1].headers["Authorization"] == "Bearer access-secret-1"
    assert server.refreshes == []


def test_signed_out_a_call_is_sent_without_a_token_and_its_401_returned(server, make_auth):
    response = httpx.Client(transport=server, auth=make_auth()).get(API)
    assert response.json()["code"] == "not_authenticated"
    assert "Authorization" not in server.requests[-1].headers


@pytest.mark.parametrize("code", ["token_expired", "token_stale"])
def test_expired_and_stale_are_refreshed_and_the_call_repeated_with_its_body(server, api, code):
    server.expire_access(code)
    response = api.post(API, content=iter([b"hel", b"lo"]))
    assert response.status_code == 200
    assert response.json() == {"echo": "hello"}
    assert len(server.refreshes) == 1
    assert len(server.calls("/api/posts/")) == 2


def test_a_call_is_repeated_once_only(server, api, monkeypatch):
    """A server that finds even fresh tokens expired does not keep its clients busy."""
    monkeypatch.setattr(server, "call", lambda request: refused("token_expired"))
    assert api.get(API).json()["code"] == "token_expired"
    assert len(server.refreshes) == 1
    assert len(server.calls("/api/posts/")) == 2


@pytest.mark.parametrize("code", ["token_revoked", "token_invalid", "session_expired", "user_inactive"])
def test_any_other_401_is_returned_and_nothing_forgotten(server, store, api, code):
    server.expire_access(code)
    before = store.load()
    assert api.get(API).json()["code"] == code
    assert server.refreshes == []
    assert store.load() == before


def test_a_401_without_a_code_is_returned(server, api, monkeypatch):
    monkeypatch.setattr(server, "call", lambda request: httpx.Response(401, text="<h1>gateway</h1>"))
    assert api.get(API).text == "<h1>gateway</h1>"
    assert server.refreshes == []


def test_the_token_is_refreshed_shortly_before_its_end_by_expires_in(server, api, clock):
    clock.now += LIFETIME - 11
    api.get(API)
    assert server.refreshes == []
    clock.now += 2
    api.get(API)
    assert len(server.refreshes) == 1
    clock.now += LIFETIME - 11
    api.get(API)
    assert len(server.refreshes) == 1


def test_the_wall_clock_does_not_matter(server, api, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert api.get(API).status_code == 200
    assert server.refreshes == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [(answers(503, {"Retry-After": "60"}), Unavailable), (answers(200, text="<html>"), UnexpectedAnswer)],
)
def test_an_early_refresh_that_fails_does_not_stop_a_call_while_the_token_lives(server, api, clock, fault, error):
    clock.now += LIFETIME - 5
    server.faults = [fault] * 2
    assert api.get(API).status_code == 200
    assert len(server.refreshes) == 1
    clock.now += 5
    with pytest.raises(error):
        api.get(API)


def test_a_refresh_that_is_refused_signs_out(server, store, api):
    server.expire_access()
    server.alive = False
    with pytest.raises(SignInRequired) as caught:
        api.get(API)
    assert caught.value.code == "token_revoked"
    assert store.load() is None


def test_a_wrong_password_is_refused_and_keeps_an_earlier_sign_in(store, auth):
    before = store.load()
    with pytest.raises(SignInRefused) as caught:
        auth.login("alice", "wrong")
    assert caught.value.code == "invalid_credentials"
    assert store.load() == before


def test_logout_ends_the_session_and_forgets(server, store, auth, api):
    auth.logout()
    assert not server.alive
    assert store.load() is None
    auth.logout()
    assert len(server.calls("/auth/logout/")) == 1
    assert api.get(API).json()["code"] == "not_authenticated"


def test_a_logout_that_is_not_confirmed_keeps_the_tokens_and_forget_drops_them(server, store, auth, monkeypatch):
    monkeypatch.setattr(server, "logout", unreachable)
    with pytest.raises(Unavailable):
        auth.logout()
    assert store.load() is not None
    auth.forget()
    assert store.load() is None


def test_no_other_origin_gets_the_token(server, api):
    for url in ["https://elsewhere.test/", "http://server.test/api/posts/", "https://server.test:8443/"]:
        api.get(url)
        assert "Authorization" not in server.requests[-1].headers, url


def test_a_listed_origin_gets_the_token(server, store, auth, make_auth):
    api = httpx.Client(transport=server, auth=make_auth(origins=["https://api.test"]))
    assert api.get("https://api.test/api/posts/").status_code == 200


def test_tokens_of_another_server_are_not_sent(server, store, auth):
    other = LanyardAuth("https://evil.test/auth/", store, client=httpx.Client(transport=server))
    with pytest.raises(TokenStoreError, match=r"belong to https://server.test/auth/"):
        httpx.Client(transport=server, auth=other).get("https://evil.test/api/")
    with pytest.raises(TokenStoreError):
        other.refresh()
    assert [request.url.host for request in server.requests] == ["server.test"]


def test_async_clients_refresh_and_repeat_with_one_refresh_for_all(server, auth):
    transport = httpx.MockTransport(server.handle_request)

    async def run() -> list[int]:
        async with httpx.AsyncClient(transport=transport, auth=auth) as client:
            await client.get("https://elsewhere.test/")
            responses = await asyncio.gather(*(client.post(API, content=b"x") for _ in range(20)))
        return [response.status_code for response in responses]

    server.expire_access()
    assert asyncio.run(run()) == [200] * 20
    assert len(server.refreshes) == 1


def test_no_secret_in_repr_logs_or_exceptions(server, store, make_auth, caplog):
    caplog.set_level(logging.DEBUG)
    auth = make_auth()
    seen = []
    auth.login("alice", PASSWORD)
    server.expire_access()
    for fault in [unreachable, answers(500), answers(400), answers(200, text="<html>")]:
        server.faults = [fault] * 3
        with pytest.raises(Exception) as caught:
            httpx.Client(transport=server, auth=auth).get(API)
        chain = [caught.value, caught.value.__context__, caught.value.__cause__]
        assert not any(hasattr(error, "request") for error in chain)
        seen += [repr(caught.value), str(caught.value)]
    with pytest.raises(SignInRefused) as refused:
        auth.login("alice", PASSWORD + "!")
    seen += [repr(refused.value), repr(auth), repr(auth.__dict__), repr(store.load()), repr(store), caplog.text]
    assert "server.test" in caplog.text
    for secret in [PASSWORD, "refresh-secret", "access-secret"]:
        assert not any(secret in text for text in seen)


def test_the_client_imports_neither_django_nor_rest_framework():
    code = "import sys, drf_lanyard.client; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "httpx" in loaded
    assert not {"django", "rest_framework"} & set(loaded)


def test_the_url_may_lack_its_slash(server, clock):
    auth = LanyardAuth(BASE.rstrip("/"), MemoryTokens(), client=httpx.Client(transport=server))
    assert auth.login("alice", PASSWORD).session == "1"
