"""API tokens over the reference store: who is let in, and what is read when."""

from typing import Any
from uuid import uuid4

import pytest

from drf_lanyard.core.errors import (
    ConfigurationError,
    StoreUnavailable,
    TokenInvalid,
    TokenMalformed,
    TokenRevoked,
    TokenStale,
    UserInactive,
)
from drf_lanyard.core.opaque import ApiTokens
from drf_lanyard.stores.memory import MemoryUser

from .token_world import refusal

# Who it is


def test_a_token_stands_for_its_user(make) -> None:
    world = make(claims_for=lambda user, session: {"roles": ["bot"], "of": user.pk, "session": session})
    token, token_id = world.api.create("1", "CI", scope=["read", "write"], lifetime=60.0)
    principal = world.api.authenticate(token)

    assert (principal.user_id, principal.method, principal.session_id) == ("1", "api_token", None)
    assert (principal.token_id, principal.credential) == (token_id, token_id.int)
    assert principal.scopes == {"read", "write"}
    assert (principal.issued_at, principal.expires_at) == (world.clock.now, world.clock.now + 60)
    assert principal.claims == {"roles": ["bot"], "of": "1", "session": None}
    assert token not in repr(principal) + repr(world.rows._tokens)


def test_claims_handed_out_do_not_reach_the_next_request(make) -> None:
    world = make(claims_for=lambda user, session: {"roles": ["bot"]})
    token = world.token()
    world.api.authenticate(token).claims["roles"].append("admin")
    assert world.api.authenticate(token).claims == {"roles": ["bot"]}


class Text(str):
    """Like Django's SafeString."""


@pytest.mark.parametrize("value", [Text("bot"), 10**30, None, {"a": [1, 2.5]}])
def test_claims_that_an_access_token_can_carry(make, value) -> None:
    world = make(claims_for=lambda user, session: {"claim": value})
    assert world.api.authenticate(world.token()).claims == {"claim": value}


@pytest.mark.parametrize(
    "claims", [{"sub": "2"}, {"scope": "all"}, {"x": {1}}, {"x": float("nan")}, {"x": object()}, {1: 1}]
)
def test_claims_that_no_access_token_carries_are_the_projects_mistake(make, claims) -> None:
    world = make(claims_for=lambda user, session: claims)
    with pytest.raises(ConfigurationError):
        world.api.authenticate(world.token())


# What is asked of the store


def test_one_question_at_first_sight_then_none(world) -> None:
    token = world.token()
    assert world.asked(lambda: world.api.authenticate(token)) == 1
    assert world.asked(lambda: [world.api.authenticate(token) for _ in range(50)]) == 0
    elsewhere = world.another_process()
    assert world.asked(lambda: [elsewhere.authenticate(token) for _ in range(5)]) == 1


@pytest.mark.parametrize("garbage", ["", "lan_", "lan_" + "a" * 46, "x.y.z", "é" * 50, "a" * 100_000])
def test_garbage_asks_nothing(world, garbage) -> None:
    assert world.asked(lambda: refusal(world.api, garbage)) == 0
    assert refusal(world.api, garbage) is TokenMalformed


def test_a_slip_of_one_character_asks_nothing(world) -> None:
    token = world.token()
    slipped = token[:20] + ("a" if token[20] != "a" else "b") + token[21:]
    assert world.asked(lambda: refusal(world.api, slipped)) == 0
    assert refusal(world.api, slipped) is TokenMalformed


def test_a_well_formed_token_that_nobody_has(world) -> None:
    assert refusal(world.api, ApiTokens().mint()) is TokenInvalid


def test_the_row_is_read_again_after_the_lifetime_of_an_access_token(world) -> None:
    token = world.token()
    world.api.authenticate(token)
    world.clock.advance(world.policy.access_lifetime - 0.001)
    assert world.asked(lambda: world.api.authenticate(token)) == 0
    world.clock.advance(0.001)
    assert world.asked(lambda: [world.api.authenticate(token) for _ in range(5)]) == 1


def test_the_time_counts_from_the_start_of_the_read(world) -> None:
    """A process that was stopped within the read must not remember the row for longer than the log does."""
    token = world.token()
    world.rows.in_find = lambda: world.clock.advance(world.policy.access_lifetime)
    world.api.authenticate(token)
    world.rows.in_find = lambda: None
    assert world.asked(lambda: world.api.authenticate(token)) == 1


def test_a_deletion_behind_our_back_is_noticed_within_that_time(world) -> None:
    token = world.token()
    world.api.authenticate(token)
    world.rows._tokens.clear()
    world.clock.advance(world.policy.access_lifetime)
    assert refusal(world.api, token) is TokenInvalid


# Revocation


def test_revoking_ends_it_here_at_once_and_elsewhere_within_the_lease(world) -> None:
    token, token_id = world.api.create("1", "CI")
    elsewhere = world.another_process()
    assert refusal(elsewhere, token) is refusal(world.api, token) is None

    assert world.api.revoke([token_id], "test") == 1

    assert refusal(world.api, token) is TokenRevoked
    assert refusal(elsewhere, token) is None  # the lease is not over there
    world.clock.advance(world.policy.lease)
    assert refusal(elsewhere, token) is TokenRevoked
    assert refusal(world.another_process(), token) is TokenInvalid  # it has never seen the row
    assert world.heard.events == [("revoked", (), (), "test")]


def test_only_its_owner_can_be_asked_to_revoke_it(world) -> None:
    token, token_id = world.api.create("1", "CI")
    assert world.api.revoke([token_id], "test", owner="2") == 0
    assert refusal(world.api, token) is None
    assert world.api.revoke([token_id, uuid4()], "test", owner="1") == 1


def test_one_token_dies_alone(world) -> None:
    first, first_id = world.api.create("1", "CI")
    second = world.token()
    world.api.revoke([first_id], "test")
    assert refusal(world.api, second) is None
    assert refusal(world.api, first) is not None


def test_a_revocation_within_the_read_counts(world) -> None:
    token, token_id = world.api.create("1", "CI")
    world.rows.in_find = lambda: world.api.revoke([token_id], "test")
    assert refusal(world.api, token) is TokenRevoked


# What happens to its user


def test_a_raised_epoch_reads_the_row_once_and_shows_new_claims(make) -> None:
    roles = ["author"]
    world = make(claims_for=lambda user, session: {"roles": list(roles)})
    token = world.token()
    world.api.authenticate(token)

    roles.append("editor")
    world.lanyard.revoke_users(["1"], "claims_changed", keep_sessions=True)

    assert world.asked(lambda: [world.api.authenticate(token) for _ in range(5)]) == 1
    assert world.api.authenticate(token).claims == {"roles": ["author", "editor"]}


def test_another_users_epoch_reads_nothing(world) -> None:
    token = world.token()
    world.api.authenticate(token)
    world.lanyard.revoke_users(["2"], "test")
    assert world.asked(lambda: world.api.authenticate(token)) == 0


def test_an_inactive_user_is_refused_and_let_in_again(world) -> None:
    token = world.token()
    world.api.authenticate(token)
    for active, expected in ((False, UserInactive), (True, None)):
        world.store.users["1"] = MemoryUser(pk="1", is_active=active)
        world.lanyard.revoke_users(["1"], "test")
        assert refusal(world.api, token) is expected
        assert refusal(world.another_process(), token) is expected


def test_a_user_who_is_gone(world) -> None:
    token = world.token()
    world.api.authenticate(token)
    del world.store.users["1"]
    world.lanyard.revoke_users(["1"], "deleted")
    assert refusal(world.api, token) is TokenInvalid


def test_an_epoch_that_rises_within_each_read_is_no_endless_loop(world) -> None:
    token = world.token()
    world.rows.in_find = lambda: world.lanyard.revoke_users(["1"], "test")
    assert world.asked(lambda: refusal(world.api, token)) == 2
    assert refusal(world.api, token) is TokenStale
    world.rows.in_find = lambda: None
    assert refusal(world.api, token) is None


def test_a_revocation_while_the_row_is_read_again_counts(world) -> None:
    token, token_id = world.api.create("1", "CI")
    world.api.authenticate(token)
    world.lanyard.revoke_users(["1"], "test")
    world.rows.in_find = lambda: world.api.revoke([token_id], "test")
    assert refusal(world.api, token) is TokenRevoked


def test_without_a_fresh_snapshot_nobody_is_let_in(world, monkeypatch) -> None:
    token = world.token()
    world.api.authenticate(token)

    def fail() -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(world.api, "_fresh", fail)
    assert refusal(world.api, token) is StoreUnavailable
