from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from rest_framework.test import APIClient

from .calls import PASSWORD, bearer, login


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def client() -> APIClient:
    """Nobody; CSRF is enforced, as it is for a real client."""
    return APIClient(enforce_csrf_checks=True)


@pytest.fixture
def alice(db: None) -> Any:
    return get_user_model().objects.create_user("alice", "alice@example.com", PASSWORD)


@pytest.fixture
def bob(db: None) -> Any:
    return get_user_model().objects.create_user("bob", "bob@example.com", PASSWORD)


@pytest.fixture
def tokens(alice: Any, client: APIClient) -> dict[str, Any]:
    """What alice got when she signed in."""
    return login(client, "alice")


@pytest.fixture
def api(tokens: dict[str, Any]) -> APIClient:
    """Alice, signed in."""
    return bearer(tokens["access"])
