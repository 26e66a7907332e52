"""Fixtures of this folder, and of the attacks on browsers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache

from drf_lanyard import wiring

from .kit import PASSWORD, Browser


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
