"""Who is signed in and where; verifying; public keys; which kind of token does for what."""

import datetime
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.tokens import default_token_generator
from django.test import override_settings
from django.utils.http import urlsafe_base64_encode
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate

from drf_lanyard.core.model import Principal
from drf_lanyard.models import Session
from drf_lanyard.rest.account import SessionsView
from drf_lanyard.rest.password import PasswordChangeView
from drf_lanyard.rest.sign_in import LogoutAllView
from drf_lanyard.wiring import get_lanyard

from .calls import bearer, login, refusal

pytestmark = pytest.mark.django_db


def test_me(client: APIClient, alice: Any) -> None:
    with override_settings(LANYARD={"CLAIMS": "tests.rest.claims.roles"}):
        body = login(client, "alice")
        response = bearer(body["access"]).get("/auth/me/")
    me = response.json()
    assert (me["user"], me["claims"], me["session"]) == (body["user"], {"roles": ["editor"]}, body["session"])
    issued, expires = (datetime.datetime.fromisoformat(me[name]) for name in ("issued_at", "expires_at"))
    assert expires - issued == datetime.timedelta(seconds=300)
    assert me["expires_at"].endswith("Z")
    assert response["Cache-Control"] == "no-store"
    assert response["Vary"] == "Authorization, Cookie"


def test_the_devices(client: APIClient, alice: Any, bob: Any) -> None:
    login(client, "bob")
    client.credentials(HTTP_USER_AGENT="Mosaic")
    first = login(client, "alice", device="phone")
    second = login(client, "alice")
    dead = login(client, "alice")
    bearer(dead["access"]).post("/auth/logout/")
    rows = bearer(first["access"]).get("/auth/sessions/").json()
    assert {row["id"] for row in rows} == {first["session"], second["session"]}
    row = next(row for row in rows if row["id"] == first["session"])
    names = ("created_at", "last_seen_at", "expires_at")
    times = {name: datetime.datetime.fromisoformat(row.pop(name)) for name in names}
    assert row == {
        "id": first["session"],
        "current": True,
        "ip": "127.0.0.1",
        "user_agent": "Mosaic",
        "device": "phone",
        "method": "password",
        "transport": "bearer",
    }
    assert times["created_at"] == times["last_seen_at"]
    assert times["expires_at"] - times["created_at"] == datetime.timedelta(days=14)
    assert [row["current"] for row in rows if row["id"] == second["session"]] == [False]


def test_ending_one_device(client: APIClient, alice: Any, api: APIClient, tokens: dict[str, Any]) -> None:
    other = login(client, "alice")
    assert api.delete(f"/auth/sessions/{other['session']}/").status_code == 204
    assert refusal(bearer(other["access"]).get("/protected/")) == (401, "token_revoked")
    assert refusal(api.delete(f"/auth/sessions/{other['session']}/")) == (404, "not_found")
    assert api.delete(f"/auth/sessions/{tokens['session']}/").status_code == 204
    assert refusal(api.get("/auth/sessions/")) == (401, "token_revoked")


def test_somebody_else_s_device_is_not_there(client: APIClient, bob: Any, api: APIClient) -> None:
    bobs = login(client, "bob")
    assert refusal(api.delete(f"/auth/sessions/{bobs['session']}/")) == (404, "not_found")
    assert bearer(bobs["access"]).get("/protected/").status_code == 200
    for path in (uuid4(), "x", "%00", "7", "'; --"):
        assert refusal(api.delete(f"/auth/sessions/{path}/")) == (404, "not_found"), path


def test_verify(client: APIClient, tokens: dict[str, Any], alice: Any) -> None:
    body = client.post("/auth/verify/", {"token": tokens["access"]}).json()
    assert body.pop("active") is True
    assert set(body) == {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "epoch"}
    assert (body["sub"], body["sid"]) == (str(alice.pk), tokens["session"])
    bearer(tokens["access"]).post("/auth/logout/")
    refused = client.post("/auth/verify/", {"token": tokens["access"]})
    assert refusal(refused) == (401, "token_revoked")
    assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_verify_honours_the_user_s_state(client: APIClient, tokens: dict[str, Any], alice: Any) -> None:
    alice.is_active = False
    alice.save()
    assert refusal(client.post("/auth/verify/", {"token": tokens["access"]}))[0] == 401


@pytest.mark.parametrize("body", [{}, {"token": None}, {"token": 7}, {"token": ""}, []])
def test_verify_without_a_token(client: APIClient, body: Any, db: None) -> None:
    assert refusal(client.post("/auth/verify/", body)) == (400, "invalid_request")


def test_public_keys(client: APIClient, db: None) -> None:
    response = client.get("/auth/.well-known/jwks.json")
    assert response.json() == {"keys": []}  # an HMAC key is nobody else's business
    assert response["Cache-Control"] == "public, max-age=300"


def test_a_public_key(client: APIClient, db: None) -> None:
    pem = (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )
    with override_settings(LANYARD={"SIGNING_KEYS": [{"algorithm": "ES256", "key": pem}]}):
        (key,) = client.get("/auth/.well-known/jwks.json").json()["keys"]
    assert (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256")
    assert "d" not in key


@pytest.mark.parametrize("view", [SessionsView, LogoutAllView, PasswordChangeView])
def test_account_endpoints_need_a_session(view: Any, alice: Any) -> None:
    """Not a credential without one, such as an API token; not a user that something else has authenticated."""
    method = "get" if view is SessionsView else "post"
    token = Principal(
        user_id=str(alice.pk), method="token", token_id=uuid4(), issued_at=0, expires_at=2**40, credential=1
    )
    principal: Any
    for principal in (token, None, "text"):
        request = getattr(APIRequestFactory(), method)("/")
        force_authenticate(request, user=alice, token=principal)
        response = view.as_view()(request).render()
        assert refusal_of(response) == (403, "permission_denied"), principal


def refusal_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.data["code"]


ACCESS_ENDPOINTS = [
    ("get", "/protected/"),
    ("get", "/auth/me/"),
    ("get", "/auth/sessions/"),
    ("post", "/auth/logout/all/"),
    ("post", "/auth/logout/others/"),
    ("post", "/auth/password/change/"),
]


def kinds(tokens: dict[str, Any], alice: Any) -> dict[str, str]:
    return {
        "access": tokens["access"],
        "refresh": tokens["refresh"],
        "reset": default_token_generator.make_token(alice),
        "session": tokens["session"],
        "secret": Session.objects.get().secret,
    }


@pytest.mark.parametrize("kind", ["refresh", "reset", "session", "secret"])
@pytest.mark.parametrize(("method", "path"), ACCESS_ENDPOINTS)
def test_only_an_access_token_is_an_access_token(
    tokens: dict[str, Any], alice: Any, kind: str, method: str, path: str
) -> None:
    refused = getattr(bearer(kinds(tokens, alice)[kind]), method)(path)
    assert refusal(refused) == (401, "token_malformed")
    assert get_lanyard().authenticate(tokens["access"])


@pytest.mark.parametrize("kind", ["access", "reset", "session", "secret"])
def test_only_a_refresh_token_refreshes(client: APIClient, tokens: dict[str, Any], alice: Any, kind: str) -> None:
    refused = client.post("/auth/refresh/", {"refresh": kinds(tokens, alice)[kind]})
    assert refusal(refused) == (401, "token_malformed")


@pytest.mark.parametrize("kind", ["refresh", "reset", "session", "secret"])
def test_only_an_access_token_verifies(client: APIClient, tokens: dict[str, Any], alice: Any, kind: str) -> None:
    refused = client.post("/auth/verify/", {"token": kinds(tokens, alice)[kind]})
    assert refusal(refused) == (401, "token_malformed")


@pytest.mark.parametrize("kind", ["reset", "session", "secret"])
def test_other_kinds_do_not_sign_out(client: APIClient, tokens: dict[str, Any], alice: Any, kind: str) -> None:
    other = kinds(tokens, alice)[kind]
    for response in (client.post("/auth/logout/", {"refresh": other}), bearer(other).post("/auth/logout/")):
        assert response.status_code == 204
    assert Session.objects.live().count() == 1


def test_swapped_places_do_not_sign_out(client: APIClient, tokens: dict[str, Any]) -> None:
    assert client.post("/auth/logout/", {"refresh": tokens["access"]}).status_code == 204
    assert bearer(tokens["refresh"]).post("/auth/logout/").status_code == 204
    assert Session.objects.live().count() == 1


@pytest.mark.parametrize("kind", ["access", "refresh", "session", "secret"])
def test_only_a_reset_token_resets(client: APIClient, tokens: dict[str, Any], alice: Any, kind: str) -> None:
    body = {
        "uid": urlsafe_base64_encode(str(alice.pk).encode()),
        "token": kinds(tokens, alice)[kind],
        "new_password": "a much newer horse",
    }
    assert refusal(client.post("/auth/password/reset/confirm/", body)) == (400, "invalid_request")
