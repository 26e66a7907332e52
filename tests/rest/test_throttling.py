"""Limits, with the clock held still: windows are of the wall clock."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import override_settings
from rest_framework.test import APIClient

from drf_lanyard import passwords
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.throttling import fold

from .calls import NEW_PASSWORD, PASSWORD, refusal

pytestmark = pytest.mark.django_db

#: 100 s into a window of 300, so into one of 60 as well (40 s).
START = 300.0 * 6_000_000 + 100


class Clock:
    now = START


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(SystemClock, "time", lambda self: clock.now)
    return clock


def attempt(username: str = "alice", password: str = "wrong", address: str = "192.0.2.1", **extra: Any) -> Any:
    body = {"username": username, "password": password}
    return APIClient().post("/auth/login/", body, REMOTE_ADDR=address, **extra)


def statuses(times: int, *args: Any, **kwargs: Any) -> list[int]:
    return [attempt(*args, **kwargs).status_code for _ in range(times)]


def test_guessing_at_one_account_ends_before_anything_is_hashed(
    alice: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert statuses(5) == [401] * 5
    with monkeypatch.context() as patched:
        patched.setattr(passwords, "authenticate", None)
        response = attempt(password=PASSWORD)
    assert refusal(response) == (429, "throttled")
    assert response["Retry-After"] == "200"
    assert response["Cache-Control"] == "no-store"
    clock.now = START + 199.5
    assert attempt(password=PASSWORD)["Retry-After"] == "1"
    clock.now = START + 200
    assert attempt(password=PASSWORD).status_code == 200


def test_elsewhere_the_owner_still_gets_in(alice: Any) -> None:
    assert statuses(6) == [401] * 5 + [429]
    assert attempt(password=PASSWORD, address="192.0.2.2").status_code == 200


def test_one_address_that_tries_many_accounts(alice: Any) -> None:
    assert [attempt(f"nobody{n}").status_code for n in range(30)] == [401] * 30
    response = attempt("alice", PASSWORD)
    assert refusal(response) == (429, "throttled")
    assert response["Retry-After"] == "20"
    assert attempt("alice", PASSWORD, address="192.0.2.2").status_code == 200


def test_a_success_is_not_counted_for_the_account(alice: Any) -> None:
    assert statuses(10, password=PASSWORD) == [200] * 10
    assert statuses(4) == [401] * 4
    assert statuses(10, password=PASSWORD) == [200] * 10


def test_a_success_forgives_no_failures(alice: Any) -> None:
    for failures in range(1, 6):
        assert attempt().status_code == 401
        assert attempt(password=PASSWORD).status_code == (200 if failures < 5 else 429)


@pytest.mark.databases("sqlite", "postgres")  # elsewhere there cannot be both
@pytest.mark.parametrize("twin", ["Alice", "\u00e1lice", "al\u200bice"])
@pytest.mark.parametrize("path", ["login", "obtain-token"])
def test_who_owns_an_account_of_nearly_the_same_name_gets_no_more_guesses(alice: Any, twin: str, path: str) -> None:
    """Their counter is one, and a success must not clear it: that was five times as many guesses as allowed."""
    get_user_model().objects.create_user(twin, password="mine")

    def own() -> int:
        body = {"username": twin, "password": "mine"}
        return APIClient().post(f"/auth/{path}/", body, REMOTE_ADDR="192.0.2.1").status_code

    for guesses in range(1, 6):
        assert attempt(password=f"guess {guesses}").status_code == 401
        assert own() == (200 if guesses < 5 else 429)
    assert refusal(attempt(password=PASSWORD)) == (429, "throttled")


def test_a_success_does_not_forgive_the_address(alice: Any, bob: Any) -> None:
    """Who owns one account must not use it to guess at others for ever."""
    assert [attempt(f"nobody{n}").status_code for n in range(29)] == [401] * 29
    assert attempt(password=PASSWORD).status_code == 200
    assert attempt("nobody").status_code == 429


def test_a_success_forgives_no_other_account(alice: Any, bob: Any) -> None:
    assert statuses(5, "bob") == [401] * 5
    assert attempt(password=PASSWORD).status_code == 200
    assert attempt("bob", PASSWORD).status_code == 429


def test_a_spoofed_header_does_not_help(alice: Any) -> None:
    spoofed = [attempt(HTTP_X_FORWARDED_FOR=f"198.51.100.{n}").status_code for n in range(6)]
    assert spoofed == [401] * 5 + [429]


def test_behind_a_proxy_only_what_it_saw_counts(alice: Any) -> None:
    with override_settings(LANYARD={"NUM_PROXIES": 1}):
        spoofed = [attempt(HTTP_X_FORWARDED_FOR=f"198.51.100.{n}, 203.0.113.9").status_code for n in range(6)]
        assert spoofed == [401] * 5 + [429]
        assert attempt(password=PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.10").status_code == 200


def test_a_whole_ipv6_network_counts_as_one(alice: Any) -> None:
    assert [attempt(address=f"2001:db8::{n}").status_code for n in range(6)] == [401] * 5 + [429]
    assert attempt(password=PASSWORD, address="2001:db8:0:1::1").status_code == 200


@pytest.mark.parametrize("other", ["ALICE", "\uff21lice", " alice ", "alice\u200b"[:-1]])
def test_other_spellings_of_one_account_count_together(alice: Any, other: str) -> None:
    assert statuses(5) == [401] * 5
    assert attempt(other).status_code == 429


def test_folding() -> None:
    assert fold("Straße") == fold("STRASSE")
    assert fold("ﬁona") == fold("FIONA")
    assert fold("alice") != fold("alicia")


def test_the_cache_holds_no_names(alice: Any) -> None:
    attempt()
    assert cache._cache  # type: ignore[attr-defined]
    assert not any("alice" in key or "192.0.2.1" in key for key in cache._cache)  # type: ignore[attr-defined]


def test_limits_of_one_s_own_and_none(alice: Any) -> None:
    with override_settings(LANYARD={"THROTTLE": {"login_account": "1/min", "login_address": None}}):
        assert statuses(2) == [401, 429]
    with override_settings(LANYARD={"THROTTLE": None}):
        assert statuses(40) == [401] * 40


class Broken:
    """A cache whose server is away."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionError


def test_uncounted_attempts_are_not_let_through(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drf_lanyard.throttling.cache", Broken())
    response = attempt(password=PASSWORD)
    assert refusal(response) == (503, "store_unavailable")
    assert response["Retry-After"] == "1"


def test_an_evicted_counter_starts_again(alice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "add", lambda *args, **kwargs: False)
    assert attempt(password=PASSWORD).status_code == 200


def test_changing_the_password_is_limited(api: APIClient) -> None:
    def change(old: str) -> Any:
        return api.post("/auth/password/change/", {"old_password": old, "new_password": NEW_PASSWORD})

    assert [change("wrong").status_code for _ in range(5)] == [400] * 5
    assert refusal(change(PASSWORD)) == (429, "throttled")


def test_asking_for_a_reset_is_limited(alice: Any) -> None:
    def ask(email: str, address: str = "192.0.2.1") -> int:
        return APIClient().post("/auth/password/reset/", {"email": email}, REMOTE_ADDR=address).status_code

    with override_settings(LANYARD={"PASSWORD_RESET_URL": "https://app.example.com/{uid}/{token}"}):
        assert [ask("alice@example.com") for _ in range(6)] == [204] * 5 + [429]
        assert [ask("nobody@example.com") for _ in range(5)] == [204] * 4 + [429]  # the address's: 10 a minute
        assert ask("alice@example.com", "192.0.2.2") == 204
        assert attempt(password=PASSWORD).status_code == 200  # sign-in has counters of its own


def test_what_a_collation_takes_for_the_same_name_counts_as_one() -> None:
    """MariaDB's and MySQL's ignore case, accents, and characters that show nothing."""
    spellings = ["alice", "ALICE", "alic\x0ee", "al\u200bice", "\u00e1lice", "a\u0301lice", "\uff41lice", "alice\u00ad"]

    assert {fold(spelling) for spelling in spellings} == {"alice"}
    assert fold("bob") != fold("alice")
