"""Refreshing over HTTP. What becomes of which token is the business of the core's tests."""

from typing import Any

import pytest
from django.http import QueryDict
from django.test import override_settings
from rest_framework.test import APIClient

from drf_lanyard.models import Session
from drf_lanyard.rest.serializers import RefreshBody, plain_token

from .calls import bearer, login, refusal

pytestmark = pytest.mark.django_db


def refresh(token: Any, **headers: Any) -> Any:
    return APIClient().post("/auth/refresh/", {"refresh": token}, **headers)


def test_the_answer_has_the_shape_of_login(tokens: dict[str, Any]) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        response = refresh(tokens["refresh"])
    body = response.json()
    assert set(body) == set(tokens)
    assert body["refresh"] != tokens["refresh"]
    assert {name: body[name] for name in ("session", "user", "claims", "expires_in", "token_type")} == {
        name: tokens[name] for name in ("session", "user", "claims", "expires_in", "token_type")
    }
    assert bearer(body["access"]).get("/protected/").status_code == 200
    assert response["Cache-Control"] == "no-store"


def test_a_replay_ends_the_session_although_it_is_an_error(tokens: dict[str, Any]) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        successor = refresh(tokens["refresh"]).json()
        replayed = refresh(tokens["refresh"])
        assert refusal(replayed) == (401, "refresh_reused")
        assert replayed["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
        assert refusal(refresh(successor["refresh"])) == (401, "token_revoked")
    assert refusal(bearer(successor["access"]).get("/protected/")) == (401, "token_revoked")


def test_the_idempotency_key_saves_a_lost_answer(tokens: dict[str, Any]) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        first = refresh(tokens["refresh"], HTTP_IDEMPOTENCY_KEY="b7e6").json()
        again = refresh(tokens["refresh"], HTTP_IDEMPOTENCY_KEY="b7e6").json()
        assert again["refresh"] == first["refresh"]
        assert refusal(refresh(tokens["refresh"], HTTP_IDEMPOTENCY_KEY="other")) == (401, "refresh_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\0", "a\n", "a\tb", "\udcff"])
def test_a_bad_idempotency_key_changes_nothing(tokens: dict[str, Any], key: str) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        assert refusal(refresh(tokens["refresh"], HTTP_IDEMPOTENCY_KEY=key)) == (400, "invalid_request")
    assert Session.objects.get().counter == 0


def test_the_longest_idempotency_key(tokens: dict[str, Any]) -> None:
    assert refresh(tokens["refresh"], HTTP_IDEMPOTENCY_KEY="~ " * 127 + "x").status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh": None}, {"refresh": 7}, {"refresh": ["x"]}, {"refresh": ""}, [], None])
def test_no_token(client: APIClient, body: Any) -> None:
    assert refusal(client.post("/auth/refresh/", body)) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("token", "code"),
    [("x", "token_malformed"), ("lrt_" + "A" * 80, "token_invalid"), ("é" * 84, "token_malformed")],
)
def test_no_token_of_ours(client: APIClient, db: None, token: str, code: str) -> None:
    response = refresh(token)
    assert refusal(response) == (401, code)
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_stale_header_does_not_block(tokens: dict[str, Any]) -> None:
    assert refresh(tokens["refresh"], HTTP_AUTHORIZATION="Bearer a,Bearer b").status_code == 200


def test_an_expired_session(tokens: dict[str, Any]) -> None:
    Session.objects.update(idle_expires_at=1)
    assert refusal(refresh(tokens["refresh"])) == (401, "session_expired")


def test_an_inactive_user(alice: Any, tokens: dict[str, Any]) -> None:
    type(alice).objects.update(is_active=False)  # sends no signal
    assert refusal(refresh(tokens["refresh"])) == (401, "user_inactive")
    assert Session.objects.get().revoked_reason == "user_inactive"


def test_who_refreshes_is_noted(client: APIClient, alice: Any) -> None:
    body = login(client, "alice", device="phone")
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        assert refresh(body["refresh"], REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT="Nokia").status_code == 200
    session = Session.objects.get()
    assert (session.ip, session.user_agent, session.device) == ("192.0.2.9", "Nokia", "phone")


@pytest.mark.parametrize(
    "body",
    [
        {"refresh": "lrt_abc"},
        {"refresh": "x" * 8192},
        {"refresh": "x" * 8193},
        {"refresh": " lrt_abc\n"},
        {"refresh": "lrt_abc\n"},
        {"refresh": "lrt abc"},
        {"refresh": "lrt_\u00e4"},
        {"refresh": "lrt_\0"},
        {"refresh": ""},
        {"refresh": None},
        {"refresh": 5},
        {"refresh": ["lrt_abc"]},
        {},
        ["refresh"],
        "refresh",
        None,
        QueryDict("refresh=lrt_abc&refresh=lrt_def"),
        QueryDict("refresh=%20lrt_abc"),
        QueryDict("refresh="),
    ],
)
def test_what_needs_no_serializer_is_what_the_serializer_says(body: Any) -> None:
    found, serializer = plain_token(body), RefreshBody(data=body)
    if found is not None:
        assert serializer.is_valid()
        assert serializer.validated_data == {"refresh": found}


def test_a_token_of_ours_needs_no_serializer(tokens: dict[str, Any]) -> None:
    assert plain_token({"refresh": tokens["refresh"]}) == tokens["refresh"]
