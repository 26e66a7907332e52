"""What a limit counts when a counter is lost, and when the network changes. The clock stands still."""

from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from drf_lanyard.stores.clock import SystemClock

from .calls import NEW_PASSWORD, PASSWORD, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "time", lambda self: 300.0 * 6_000_000 + 100)


def guess(password: str = "wrong", address: str = "192.0.2.1") -> int:
    body = {"username": "alice", "password": password}
    status: int = APIClient().post("/auth/login/", body, REMOTE_ADDR=address).status_code
    return status


def test_an_evicted_counter_has_counted_the_attempt_that_found_it_gone(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between `add` and `incr`, once per counter: five guesses are five all the same."""
    evicted = set()
    increment = cache.incr

    def evict_first(key: str, *args: Any, **kwargs: Any) -> int:
        if key not in evicted:
            evicted.add(key)
            cache.delete(key)
        return increment(key, *args, **kwargs)

    monkeypatch.setattr(cache, "incr", evict_first)
    assert [guess() for _ in range(5)] == [401] * 5
    assert len(evicted) == 2  # the network's and the account's
    assert guess(PASSWORD) == 429


def change(api: APIClient, old: str, address: str) -> Any:
    body = {"old_password": old, "new_password": NEW_PASSWORD}
    return api.post("/auth/password/change/", body, REMOTE_ADDR=address)


def test_changes_of_a_password_are_limited_from_anywhere(alice: Any, api: APIClient) -> None:
    """Whoever has a stolen token has other addresses too."""
    guesses = [change(api, "wrong", address=f"198.51.{n}.1").status_code for n in range(5)]
    assert guesses == [400] * 5
    assert refusal(change(api, PASSWORD, address="203.0.113.9")) == (429, "throttled")
    assert change(api, PASSWORD, address="2001:db8::1").status_code == 429
    assert guess(PASSWORD) == 200  # sign-in has counters of its own


def test_a_sign_in_is_limited_from_one_network(alice: Any) -> None:
    assert [guess() for _ in range(6)] == [401] * 5 + [429]
    assert guess(address="203.0.113.9") == 401
