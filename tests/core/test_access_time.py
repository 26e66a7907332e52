"""Time and memory: most rules hold at first sight and for a token that is already remembered."""

import math

import pytest

from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.errors import AuthError, TokenExpired, TokenStale
from drf_lanyard.core.model import Principal
from tests.core.material import NOW, SESSION, door, mint, payload, sign

IAT = int(NOW)


@pytest.fixture(params=["first sight", "remembered"])
def seen(request: pytest.FixtureRequest) -> tuple[AccessTokens, str]:
    tokens = door()
    token = mint(tokens)
    if request.param == "remembered":
        tokens.verify(token, NOW)
    return tokens, token


def test_a_token_lives_to_the_end_of_its_life_and_the_leeway(seen: tuple[AccessTokens, str]) -> None:
    tokens, token = seen
    end = IAT + 300 + 5
    with pytest.raises(TokenExpired):
        tokens.verify(token, end)
    assert tokens.verify(token, end - 0.001).user_id == "42"
    with pytest.raises(TokenExpired):
        tokens.verify(token, end)
    with pytest.raises(TokenExpired):
        tokens.verify(token, end + 1e9)


def test_an_expired_token_still_names_its_session_when_asked_for(seen: tuple[AccessTokens, str]) -> None:
    tokens, token = seen
    assert tokens.verify(token, NOW + 1e6, allow_expired=True).session_id == SESSION
    with pytest.raises(TokenExpired):
        tokens.verify(token, NOW + 1e6)


def test_a_clock_that_is_not_a_number_lets_nothing_through(seen: tuple[AccessTokens, str]) -> None:
    tokens, token = seen
    with pytest.raises(TokenExpired):
        tokens.verify(token, math.nan)


def test_a_policy_that_became_shorter_asks_for_a_refresh() -> None:
    token = mint(door(lifetime=600))
    assert door(lifetime=600).verify(token, NOW)
    with pytest.raises(TokenStale):
        door(lifetime=599).verify(token, NOW)


def test_a_token_from_the_future_asks_for_a_refresh() -> None:
    tokens = door()
    assert tokens.verify(sign(payload(iat=str(IAT + 5), exp=str(IAT + 305))), NOW)
    with pytest.raises(TokenStale):
        tokens.verify(sign(payload(iat=str(IAT + 6), exp=str(IAT + 306))), NOW)


def test_a_stale_token_names_its_session_but_is_not_remembered_as_good() -> None:
    tokens, token = door(lifetime=60), mint(door(lifetime=600))
    assert tokens.verify(token, NOW, allow_expired=True).session_id == SESSION
    with pytest.raises(TokenStale):
        tokens.verify(token, NOW)


def test_expiry_comes_before_staleness() -> None:
    with pytest.raises(TokenExpired):
        door(lifetime=60).verify(mint(door(lifetime=600)), NOW + 3600)


# What is remembered.


def test_a_remembered_token_is_one_principal_and_its_claims_are_fresh_each_time() -> None:
    tokens = door()
    token = mint(tokens, claims={"roles": ["author"]})
    first, second = tokens.verify(token, NOW), tokens.verify(token, NOW + 1)
    assert first is second
    first.claims["roles"].append("admin")
    first.all_claims["roles"].append("admin")
    assert tokens.verify(token, NOW).claims == {"roles": ["author"]}
    with pytest.raises(AttributeError):
        first.user_id = "1"  # type: ignore[misc]


def test_a_remembered_token_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = door()
    token = mint(tokens)
    tokens.verify(token, NOW)

    def no_second_look(self: AccessTokens, token: str) -> Principal:
        raise AssertionError

    monkeypatch.setattr(AccessTokens, "_open", no_second_look)
    assert tokens.verify(token, NOW).user_id == "42"


def test_only_what_was_verified_is_remembered() -> None:
    tokens = door()
    good = mint(tokens)
    bad = [
        good[:-1],
        good + "=",
        good.replace(".", ".A", 1),
        sign(payload(sub="5")),
        sign(payload(iss='"x"')),
        "a.b.c",
        "",
    ]
    for token in bad:
        for _ in range(2):
            with pytest.raises(AuthError):
                tokens.verify(token, NOW)
    with pytest.raises(TokenExpired):
        tokens.verify(good, NOW + 1e6)
    assert len(tokens.known) == 0


def test_the_memory_is_bounded() -> None:
    tokens = door(cache_size=20)
    for _ in range(100):
        tokens.verify(mint(tokens), NOW)
    assert 0 < len(tokens.known) <= 20


def test_it_works_without_a_memory() -> None:
    tokens = door(cache_size=0)
    token = mint(tokens)
    assert tokens.verify(token, NOW) == tokens.verify(token, NOW)
    assert tokens.verify(token, NOW) is not tokens.verify(token, NOW)
