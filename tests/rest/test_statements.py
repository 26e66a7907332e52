"""What things cost in SQL statements, on every connection and in every thread."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from drf_lanyard import wiring

from .calls import PASSWORD, bearer, login
from .statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def real_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reader of production, with a lease that no machine is slow enough to outlive."""
    monkeypatch.setattr(wiring, "in_test_environment", lambda: False)
    with override_settings(LANYARD={"LEASE": 3600, "READ_TIMEOUT": 60}):
        wiring.reset()
        yield
        wiring.reset()


@pytest.mark.usefixtures("real_reader")
def test_an_authenticated_request_costs_nothing(client: APIClient, alice: Any) -> None:
    api = bearer(login(client, "alice")["access"])
    with recorded() as first:
        assert api.get("/protected/").status_code == 200
    assert any("lanyard_revocation" in sql for sql in first)  # by the reader's thread: it is counted, too
    with recorded() as statements:
        for _ in range(20):
            assert api.get("/protected/").status_code == 200
    assert statements == []


@pytest.mark.usefixtures("real_reader")
def test_a_field_of_the_user_costs_one(client: APIClient, alice: Any) -> None:
    api = bearer(login(client, "alice")["access"])
    api.get("/protected/")
    with recorded() as statements:
        assert api.get("/auth/me/").status_code == 200
    assert len(statements) == 1


def test_refreshing_costs_two_and_inserts_nothing(tokens: dict[str, Any]) -> None:
    with override_settings(LANYARD={"REFRESH_GRACE": 0}), recorded() as statements:
        assert APIClient().post("/auth/refresh/", {"refresh": tokens["refresh"]}).status_code == 200
    assert [sql.split()[0] for sql in statements] == ["SELECT", "UPDATE"]


def test_repeating_a_refresh_costs_one(tokens: dict[str, Any]) -> None:
    with recorded() as statements:
        assert APIClient().post("/auth/refresh/", {"refresh": tokens["refresh"]}).status_code == 200
    assert [sql.split()[0] for sql in statements] == ["SELECT"]


def test_signing_in_costs_four_with_django_s_own(client: APIClient, alice: Any) -> None:
    login(client, "alice")
    with recorded() as statements:
        client.post("/auth/login/", {"username": "alice", "password": PASSWORD})
    assert len(statements) <= 4, statements


@pytest.mark.parametrize("path", ["login", "refresh", "verify", "logout"])
def test_garbage_costs_nothing(client: APIClient, path: str, alice: Any) -> None:
    with recorded() as statements:
        client.post(f"/auth/{path}/", {"refresh": "x", "token": "x"}, HTTP_AUTHORIZATION="Bearer a.b.c")
    assert statements == []
