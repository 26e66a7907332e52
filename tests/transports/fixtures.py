"""Fixtures of this folder, and of the attacks on browsers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache

from drf_lanyard import sign_in, wiring
from drf_lanyard.wiring import get_api_tokens

from .calls import basic, header
from .kit import ACCESS, PASSWORD, Browser


@pytest.fixture
def afresh() -> Iterator[None]:
    """No attempts counted, and no reader left behind by the tests that have a real one."""
    cache.clear()
    wiring.reset()
    yield
    cache.clear()
    wiring.reset()


@pytest.fixture
def alice(db: None, afresh: None) -> Any:
    return get_user_model().objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture(params=["wsgi", "asgi"])
def browser(request: pytest.FixtureRequest) -> Browser:
    """A page of our own host, through either of Django's handlers."""
    return Browser(request.param)


@pytest.fixture
def credentials(alice: Any) -> dict[str, dict[str, Any]]:
    """One good request of each kind."""
    access = sign_in(None, alice).access
    token, _ = get_api_tokens().create(alice.pk, "script")
    return {
        "jwt": header(f"Bearer {access}"),
        "cookie": {"HTTP_COOKIE": f"{ACCESS}={access}"},
        "token": header(f"Token {token}"),
        "bearer token": header(f"Bearer {token}"),
        "basic token": basic("alice", token),
        "basic token, no name": basic("", token),
        "basic": basic("alice", PASSWORD),
    }
