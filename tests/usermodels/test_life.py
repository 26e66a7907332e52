"""Signing in, working, and being cut off, through HTTP."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.testapp.models import Note

from .users import create_user, sign_in_name

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> None:
    cache.clear()


@pytest.fixture
def alice() -> Any:
    return create_user("alice")


def login(password: str = "wonderland") -> Any:
    name = get_user_model().USERNAME_FIELD
    return APIClient().post("/auth/login/", {name: sign_in_name("alice"), "password": password})


def signed_in(access: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_signing_in_and_working(alice: Any) -> None:
    body = login().json()
    assert body["user"]["id"] == str(alice.pk)
    client = signed_in(body["access"])
    assert client.get("/protected/").status_code == 200
    assert client.get("/auth/me/").json()["user"] == body["user"]
    assert [row["current"] for row in client.get("/auth/sessions/").json()] == [True]
    refreshed = APIClient().post("/auth/refresh/", {"refresh": body["refresh"]}).json()
    assert refreshed["user"] == body["user"]
    assert refreshed["session"] == body["session"]


def test_the_name_username_does_for_every_model(alice: Any) -> None:
    body = {"username": sign_in_name("alice"), "password": "wonderland"}
    assert APIClient().post("/auth/login/", body).status_code == 200


def test_a_wrong_password(alice: Any) -> None:
    assert code(login("looking-glass")) == (401, "invalid_credentials")


def test_a_new_password_ends_every_session(alice: Any) -> None:
    body = login().json()
    alice.set_password("looking-glass")
    alice.save()
    assert code(signed_in(body["access"]).get("/protected/"))[0] == 401
    assert code(APIClient().post("/auth/refresh/", {"refresh": body["refresh"]})) == (401, "token_revoked")
    assert login("looking-glass").status_code == 200


def test_changing_the_password_keeps_this_session_only(alice: Any) -> None:
    other, own = login().json(), login().json()
    change = {"old_password": "wonderland", "new_password": "a queer looking glass"}
    answer = signed_in(own["access"]).post("/auth/password/change/", change)
    assert answer.status_code == 200
    assert answer.json()["session"] == own["session"]
    assert signed_in(answer.json()["access"]).get("/protected/").status_code == 200
    for dead in (other, own):
        assert signed_in(dead["access"]).get("/protected/").status_code == 401
        assert APIClient().post("/auth/refresh/", {"refresh": dead["refresh"]}).status_code == 401


def test_deactivating(alice: Any) -> None:
    body = login().json()
    alice.is_active = False
    alice.save()
    assert signed_in(body["access"]).get("/protected/").status_code == 401
    assert APIClient().post("/auth/refresh/", {"refresh": body["refresh"]}).status_code == 401
    assert code(login()) == (401, "invalid_credentials")


def test_deleting(alice: Any) -> None:
    body = login().json()
    Note.objects.create(author=alice, text="soon gone")
    alice.delete()
    assert signed_in(body["access"]).get("/protected/").status_code == 401
    assert code(APIClient().post("/auth/refresh/", {"refresh": body["refresh"]}))[0] == 401
    assert code(login()) == (401, "invalid_credentials")
    assert not Note.objects.exists()
