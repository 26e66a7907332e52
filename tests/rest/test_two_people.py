"""One browser, two people: signed in to the page with our cookies, and to Django's admin as somebody else."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from drf_lanyard import revoke_session
from drf_lanyard.wiring import get_lanyard

from .calls import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.databases("sqlite")]
#: Something was presented, and is not good.
DEAD = 'Bearer realm="api", error="invalid_token"'
OWN_PAGE: dict[str, Any] = {"secure": True, "HTTP_ORIGIN": "https://testserver", "HTTP_SEC_FETCH_SITE": "same-origin"}


@pytest.fixture
def both(alice: Any, bob: Any) -> tuple[APIClient, Any]:
    """A browser in which bob is in the admin, and alice then signs in to the page; and what her sign-in answered."""
    client = APIClient()
    client.force_login(bob)
    body = {"username": "alice", "password": PASSWORD, "transport": "cookie"}
    answer = client.post("/auth/login/", body, format="json", **OWN_PAGE)
    assert answer.status_code == 200
    return client, answer.json()


def test_a_dead_cookie_leaves_nobody_else_in_its_place(both: tuple[APIClient, Any], alice: Any) -> None:
    client, told = both
    assert client.get("/protected/", **OWN_PAGE).json() == {"user": alice.pk}
    revoke_session(told["session"])
    refused = client.get("/protected/", **OWN_PAGE)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, DEAD)
    assert client.get("/public/", **OWN_PAGE).json() == {"user": None}


def test_it_arrives_long_after_its_token_has_died(
    both: tuple[APIClient, Any], alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, told = both
    assert client.cookies["__Host-lanyard-access"]["max-age"] == client.cookies["__Host-lanyard-refresh"]["max-age"]
    clock, now = get_lanyard().clock, get_lanyard().clock.time()
    monkeypatch.setattr(type(clock), "time", lambda self: now + told["expires_in"] + 60)
    refused = client.get("/protected/", **OWN_PAGE)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, DEAD)
    assert client.post("/auth/refresh/", **OWN_PAGE).status_code == 200
    assert client.get("/protected/", **OWN_PAGE).json() == {"user": alice.pk}


def test_without_a_cookie_of_ours_the_session_speaks(both: tuple[APIClient, Any], bob: Any) -> None:
    client, _ = both
    assert client.post("/auth/logout/", **OWN_PAGE).status_code == 204
    client.cookies.pop("__Host-lanyard-access")
    client.force_login(bob)
    assert client.get("/protected/", **OWN_PAGE).json() == {"user": bob.pk}


def test_a_dead_user_is_no_obstacle_on_a_public_view(both: tuple[APIClient, Any], alice: Any, settings: Any) -> None:
    settings.LANYARD = {"USER_LOADING": "eager"}
    client, _ = both
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get("/public/", **OWN_PAGE).json() == {"user": None}
    refused = client.get("/protected/", **OWN_PAGE)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, DEAD)
