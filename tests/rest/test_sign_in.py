"""Signing in."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.test import override_settings
from rest_framework.test import APIClient

from drf_lanyard import passwords, sign_in, signed_in
from drf_lanyard.core.errors import InvalidCredentials, UserInactive
from drf_lanyard.models import Session
from drf_lanyard.passwords import MAX_PASSWORD
from drf_lanyard.rest import sign_in as views
from drf_lanyard.wiring import get_lanyard

from .calls import PASSWORD, bearer, login, refusal

pytestmark = pytest.mark.django_db


def attempt(client: APIClient, **body: Any) -> Any:
    return client.post("/auth/login/", {"username": "alice", "password": PASSWORD, **body})


def test_the_answer(client: APIClient, alice: Any) -> None:
    with override_settings(LANYARD={"CLAIMS": "tests.rest.claims.roles"}):
        response = attempt(client, device="kitchen tablet")
        body = response.json()
        principal = get_lanyard().authenticate(body["access"])
    session = Session.objects.get()
    assert body == {
        "access": body["access"],
        "refresh": body["refresh"],
        "expires_in": 300,
        "token_type": "Bearer",
        "session": str(session.pk),
        "user": {"id": str(alice.pk), "username": "alice", "email": "alice@example.com"},
        "claims": {"roles": ["editor"]},
    }
    assert principal.user_id == str(alice.pk)
    assert principal.claims == {"roles": ["editor"]}
    assert (session.user_id, session.device, session.ip) == (alice.pk, "kitchen tablet", "127.0.0.1")
    assert (session.method, session.transport) == ("password", "bearer")
    assert response["Cache-Control"] == "no-store"
    assert response["Pragma"] == "no-cache"
    assert response.cookies == {}


def test_a_form_will_do(client: APIClient, alice: Any) -> None:
    body = {"username": "alice", "password": PASSWORD}
    for form in ("multipart", "json"):
        assert client.post("/auth/login/", body, format=form).status_code == 200
    urlencoded = client.post(
        "/auth/login/",
        "username=alice&password=correct%20horse%20battery",
        content_type="application/x-www-form-urlencoded",
    )
    assert urlencoded.status_code == 200


def test_last_login_and_signals(client: APIClient, alice: Any) -> None:
    heard: list[tuple[str, Any]] = []

    def hear(sender: Any, **kwargs: Any) -> None:
        heard.append((sender.__name__, kwargs["user"].pk))

    for signal in (user_logged_in, signed_in):
        signal.connect(hear)
    try:
        attempt(client)
    finally:
        for signal in (user_logged_in, signed_in):
            signal.disconnect(hear)
    assert heard == [("User", alice.pk), ("Session", alice.pk)]
    alice.refresh_from_db()
    assert alice.last_login is not None


@pytest.mark.parametrize("header", ["Bearer", "Bearer a.b.c", "Bearer a,Bearer b", "Basic \0"])
def test_a_stale_header_does_not_block(client: APIClient, alice: Any, header: str) -> None:
    assert (
        client.post("/auth/login/", {"username": "alice", "password": PASSWORD}, HTTP_AUTHORIZATION=header).status_code
        == 200
    )


def test_the_same_answer_and_one_hash_for_every_failure(
    client: APIClient, alice: Any, bob: Any, hashes: list[str]
) -> None:
    bob.is_active = False
    bob.save()
    carol = get_user_model().objects.create_user("carol")
    assert not carol.has_usable_password()
    answers = []
    for name, password in (("nobody", PASSWORD), ("alice", "wrong"), ("bob", PASSWORD), ("carol", PASSWORD)):
        hashes.clear()
        response = attempt(client, username=name, password=password)
        assert refusal(response) == (401, "invalid_credentials"), name
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'
        assert len(hashes) == 1, name
        answers.append(response.content)
    assert len(set(answers)) == 1
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"username": "alice"},
        {"password": PASSWORD},
        {},
        [],
        "alice",
        None,
        {"username": 7, "password": PASSWORD},
        {"username": True, "password": PASSWORD},
        {"username": ["alice"], "password": PASSWORD},
        {"username": {"a": 1}, "password": PASSWORD},
        {"username": "alice", "password": 7},
        {"username": "alice", "password": None},
        {"username": "alice", "password": ""},
        {"username": "", "password": PASSWORD},
        {"username": "alice\0", "password": PASSWORD},
        {"username": "alice", "password": "\0"},
        {"username": "a" * 151, "password": PASSWORD},
        {"username": "alice", "password": PASSWORD, "device": 7},
        {"username": "alice", "password": PASSWORD, "transport": ["bearer"]},
        {"username": "alice", "password": "x" * (MAX_PASSWORD + 1)},
    ],
)
def test_a_body_of_another_shape(client: APIClient, alice: Any, body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "authenticate", None)  # refused before anything is looked up or hashed
    response = client.post("/auth/login/", body)
    assert refusal(response) == (400, "invalid_request")
    errors = response.json()["errors"]
    assert all(isinstance(text, str) for texts in errors.values() for text in texts)


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"{", "application/json"),
        (b"\xff", "application/json"),
        (b'{"username": "\\ud800", "password": "x"}', "application/json"),
        (b'{"username": "x", "password": "\\ud800"}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"username": NaN}', "application/json"),
        (b"1" * 5000, "application/json"),
        (b"{}", "application/json; charset=rot13"),
        (b"{}", "application/json; charset=base64"),
        (b"a=b", "application/x-www-form-urlencoded; charset=rot13"),
        (b"x", "multipart/form-data"),
        (b" " * 3_000_000, "application/json"),
        (b"&".join(b"a" for _ in range(1001)) + b"=", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_cannot_be_read(client: APIClient, raw: bytes, content_type: str) -> None:
    assert refusal(client.post("/auth/login/", raw, content_type=content_type)) == (400, "invalid_request")


def test_what_rest_framework_refuses_has_a_code_too(client: APIClient) -> None:
    assert refusal(client.get("/auth/login/")) == (405, "method_not_allowed")
    assert refusal(client.post("/auth/login/", b"x", content_type="text/plain")) == (415, "unsupported_media_type")


def test_whatever_a_client_accepts_it_gets_json(client: APIClient) -> None:
    for accept in ("text/html", "image/png", "nonsense"):
        assert refusal(client.post("/auth/login/", {}, HTTP_ACCEPT=accept)) == (400, "invalid_request")
        assert client.post("/auth/logout/", HTTP_ACCEPT=accept).status_code == 204


def test_only_the_transports_that_are_served(client: APIClient, alice: Any) -> None:
    for refused in ("hybrid", "cookie", "pigeon", "BEARER"):
        assert refusal(attempt(client, transport=refused)) == (400, "invalid_request")
    assert attempt(client, transport="bearer").status_code == 200
    assert attempt(client, transport=None).status_code == 200
    with override_settings(LANYARD={"TRANSPORTS": ["cookie"]}):
        assert refusal(attempt(client)) == (400, "invalid_request")


def test_names_that_look_the_same_are_the_same(client: APIClient, db: None) -> None:
    """As `create_user` normalises: full-width letters and ligatures."""
    user = get_user_model().objects.create_user("ﬁona", password=PASSWORD)
    assert user.username == "fiona"
    for name in ("fiona", "ﬁona", "\uff46iona"):
        assert login(client, name)["user"]["id"] == str(user.pk)


def test_spaces_in_a_password_count(client: APIClient, alice: Any) -> None:
    alice.set_password("  spaces  ")
    alice.save()
    assert attempt(client, password="  spaces  ").status_code == 200
    assert attempt(client, password="spaces").status_code == 401


class Changing:
    """`sign_in` that finds the user changed, as many times as told."""

    def __init__(self, error: type[Exception], times: int) -> None:
        self.error, self.times = error, times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return sign_in(*args, **kwargs)


def test_a_concurrent_change_is_looked_at_once_more(
    client: APIClient, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "sign_in", Changing(InvalidCredentials, 1))
    assert attempt(client).status_code == 200
    monkeypatch.setattr(views, "sign_in", Changing(InvalidCredentials, 2))
    assert refusal(attempt(client)) == (401, "invalid_credentials")


def test_a_user_deactivated_in_between_hears_nothing_special(
    client: APIClient, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "sign_in", Changing(UserInactive, 1))
    assert refusal(attempt(client)) == (401, "invalid_credentials")


def test_a_rehash_at_sign_in_ends_no_session(client: APIClient, alice: Any) -> None:
    first = login(client, "alice")
    hashers = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", "django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers):
        login(client, "alice")
    alice.refresh_from_db()
    assert alice.password.startswith("pbkdf2_")
    assert bearer(first["access"]).get("/protected/").status_code == 200
    assert client.post("/auth/refresh/", {"refresh": first["refresh"]}).status_code == 200


def test_a_serializer_of_the_project(client: APIClient, alice: Any) -> None:
    with override_settings(LANYARD={"USER_SERIALIZER": "tests.rest.claims.Badge"}):
        body = login(client, "alice")
        assert body["user"] == {"badge": "alice via POST"}
        assert bearer(body["access"]).get("/auth/me/").json()["user"] == {"badge": "alice via GET"}
