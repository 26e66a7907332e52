"""ATOMIC_REQUESTS must not reach our views, and our errors must not roll back what surrounds them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.signals import user_login_failed
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.test import override_settings
from rest_framework.test import APIClient

from drf_lanyard.models import Session
from drf_lanyard.urls import urlpatterns
from drf_lanyard.wiring import get_lanyard

from .calls import NEW_PASSWORD, PASSWORD, bearer, login, refusal


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    both = (connection.settings_dict, connections.settings[DEFAULT_DB_ALIAS])
    for settings_dict in both:
        settings_dict["ATOMIC_REQUESTS"] = True
    yield
    for settings_dict in both:
        settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_signing_in_is_not_in_the_request_s_transaction(client: APIClient, alice: Any) -> None:
    seen: list[bool] = []

    def look(**kwargs: Any) -> None:
        seen.append(connection.in_atomic_block)

    user_login_failed.connect(look)
    try:
        client.post("/auth/login/", {"username": "alice", "password": "wrong"})
    finally:
        user_login_failed.disconnect(look)
    assert seen == [False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_the_revocation_by_a_replay_stays(client: APIClient, tokens: dict[str, Any]) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}):
        client.post("/auth/refresh/", {"refresh": tokens["refresh"]})
        assert refusal(client.post("/auth/refresh/", {"refresh": tokens["refresh"]})) == (401, "refresh_reused")
    assert Session.objects.get().revoked_reason == "refresh_reused"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("atomic_requests")
def test_every_endpoint_works(client: APIClient, alice: Any) -> None:
    body = login(client, "alice")
    api = bearer(body["access"])
    changed = api.post("/auth/password/change/", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}).json()
    api = bearer(changed["access"])
    assert [row["id"] for row in api.get("/auth/sessions/").json()] == [body["session"]]
    other = login(client, "alice", NEW_PASSWORD)
    assert api.delete(f"/auth/sessions/{other['session']}/").status_code == 204
    assert refusal(bearer(other["access"]).get("/protected/")) == (401, "token_revoked")
    assert api.post("/auth/logout/").status_code == 204
    assert not Session.objects.live().exists()


@pytest.mark.parametrize("alias", ["default", "any other"])
def test_every_view_is_exempt_on_every_database(alias: str) -> None:
    assert len(urlpatterns) == 16
    for pattern in urlpatterns:
        view: Any = pattern.callback
        assert alias in view._non_atomic_requests, pattern


@pytest.mark.django_db
@pytest.mark.usefixtures("atomic_requests")
def test_an_error_does_not_break_the_transaction_of_a_test(client: APIClient, tokens: dict[str, Any]) -> None:
    """REST framework marks it for rollback; the next query in the user's test would then raise."""
    for response in (
        client.post("/auth/login/", {"username": "alice", "password": "wrong"}),
        client.post("/auth/login/", {}),
        client.post("/auth/refresh/", {"refresh": "x"}),
        client.post("/auth/verify/", {"token": "x"}),
        client.get("/auth/me/"),
        bearer("x").get("/auth/me/"),
        bearer(tokens["access"]).delete("/auth/sessions/x/"),
        bearer(tokens["access"]).post("/auth/password/change/", {"old_password": "wrong", "new_password": "x"}),
    ):
        assert response.status_code >= 400
        assert not connection.needs_rollback
    assert Session.objects.live().count() == 1


@pytest.mark.django_db
def test_a_database_that_fails_is_a_503(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("server closed the connection; SELECT secret")

    monkeypatch.setattr(get_lanyard().sessions, "load", fail)
    response = client.post("/auth/refresh/", {"refresh": get_lanyard().refresh_tokens.derive(uuid4(), "x", 0)})
    assert refusal(response) == (503, "store_unavailable")
    assert response["Retry-After"] == "1"
    assert b"secret" not in response.content
