from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from rest_framework.test import APIClient

from .calls import PASSWORD, bearer, login


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _a_mailer(settings: Any) -> None:
    """Django 6.1 warns where there is none; to those before it the setting means nothing."""
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}


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
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that is hashed, in this order."""
    seen: list[str] = []
    encode = MD5PasswordHasher.encode

    def encode_and_tell(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode_and_tell)
    return seen


@pytest.fixture
def tokens(alice: Any, client: APIClient) -> dict[str, Any]:
    """What alice got when she signed in."""
    return login(client, "alice")


@pytest.fixture
def api(tokens: dict[str, Any]) -> APIClient:
    """Alice, signed in."""
    return bearer(tokens["access"])
