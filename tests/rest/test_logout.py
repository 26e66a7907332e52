"""Signing out of this session, of all, of all others."""

from typing import Any

import pytest
from django.test import override_settings
from freezegun import freeze_time
from rest_framework.test import APIClient

from drf_lanyard.models import Session
from drf_lanyard.wiring import get_lanyard

from .calls import bearer, login, refusal

pytestmark = pytest.mark.django_db


def live() -> set[str]:
    return {str(key) for key in Session.objects.live().values_list("pk", flat=True)}


@pytest.fixture
def another(tokens: dict[str, Any], client: APIClient) -> dict[str, Any]:
    """A second session of alice, which must live on."""
    return login(client, "alice")


def test_with_the_access_token(tokens: dict[str, Any], another: dict[str, Any]) -> None:
    for _ in range(2):
        response = bearer(tokens["access"]).post("/auth/logout/")
        assert (response.status_code, response.content) == (204, b"")
        assert live() == {another["session"]}
    assert refusal(bearer(tokens["access"]).get("/protected/")) == (401, "token_revoked")
    assert refusal(APIClient().post("/auth/refresh/", {"refresh": tokens["refresh"]})) == (401, "token_revoked")
    assert bearer(another["access"]).get("/protected/").status_code == 200


def test_with_the_refresh_token(tokens: dict[str, Any], another: dict[str, Any]) -> None:
    for _ in range(2):
        assert APIClient().post("/auth/logout/", {"refresh": tokens["refresh"]}).status_code == 204
        assert live() == {another["session"]}
    assert refusal(bearer(tokens["access"]).get("/protected/")) == (401, "token_revoked")


def test_with_a_refresh_token_that_was_rotated(tokens: dict[str, Any], another: dict[str, Any]) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        APIClient().post("/auth/refresh/", {"refresh": tokens["refresh"]})
        assert APIClient().post("/auth/logout/", {"refresh": tokens["refresh"]}).status_code == 204
    assert live() == {another["session"]}


def test_with_an_expired_access_token(alice: Any, client: APIClient) -> None:
    with freeze_time("2020-01-01"):
        body = login(client, "alice")
    assert refusal(bearer(body["access"]).get("/protected/")) == (401, "token_expired")
    assert bearer(body["access"]).post("/auth/logout/").status_code == 204
    assert live() == set()


def test_with_both(tokens: dict[str, Any], another: dict[str, Any]) -> None:
    response = bearer(tokens["access"]).post("/auth/logout/", {"refresh": another["refresh"]})
    assert response.status_code == 204
    assert live() == set()


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer a.b.c", "Bearer a,Bearer b", "Basic eA==", "Bearer \0"])
@pytest.mark.parametrize("body", [{}, [], "x", None, {"refresh": 7}, {"refresh": "x"}, {"refresh": "lrt_" + "A" * 80}])
def test_with_nothing_or_garbage(tokens: dict[str, Any], header: str | None, body: Any) -> None:
    extra: dict[str, Any] = {} if header is None else {"HTTP_AUTHORIZATION": header}
    assert APIClient().post("/auth/logout/", body, **extra).status_code == 204
    assert live() == {tokens["session"]}


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[" * 100_000])
def test_with_a_body_that_cannot_be_read(tokens: dict[str, Any], raw: bytes) -> None:
    response = bearer(tokens["access"]).post("/auth/logout/", raw, content_type="application/json")
    assert response.status_code == 204
    assert live() == set()


def test_a_forged_token_ends_nothing(tokens: dict[str, Any]) -> None:
    """Knowing the id of a session is not enough."""
    head, payload, _ = tokens["access"].split(".")
    assert bearer(f"{head}.{payload}.{'A' * 43}").post("/auth/logout/").status_code == 204
    lanyard = get_lanyard()
    forged = lanyard.refresh_tokens.derive(Session.objects.get().pk, "another secret", 0)
    assert APIClient().post("/auth/logout/", {"refresh": forged}).status_code == 204
    assert live() == {tokens["session"]}


def test_all(tokens: dict[str, Any], another: dict[str, Any], bob: Any, client: APIClient) -> None:
    bobs = login(client, "bob")
    assert bearer(tokens["access"]).post("/auth/logout/all/").status_code == 204
    assert live() == {bobs["session"]}
    for body in (tokens, another):
        assert bearer(body["access"]).get("/protected/").status_code == 401
        assert refusal(APIClient().post("/auth/refresh/", {"refresh": body["refresh"]})) == (401, "token_revoked")
    assert bearer(bobs["access"]).get("/protected/").status_code == 200


def test_others(tokens: dict[str, Any], another: dict[str, Any], bob: Any, client: APIClient) -> None:
    bobs = login(client, "bob")
    assert bearer(tokens["access"]).post("/auth/logout/others/").status_code == 204
    assert live() == {tokens["session"], bobs["session"]}
    assert refusal(bearer(another["access"]).get("/protected/")) == (401, "token_revoked")
    assert bearer(tokens["access"]).get("/protected/").status_code == 200


@pytest.mark.parametrize("path", ["all", "others"])
def test_all_and_others_need_a_session(client: APIClient, path: str, db: None) -> None:
    response = client.post(f"/auth/logout/{path}/")
    assert refusal(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
