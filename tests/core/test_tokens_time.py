"""API tokens over the reference store: how they end, what is noted of their use, and what cannot be made."""

from collections.abc import Mapping
from uuid import UUID

import pytest

from drf_lanyard.core.errors import TokenExpired, TokenRevoked
from drf_lanyard.core.opaque import ApiTokens, digest
from drf_lanyard.core.policy import Policy

from .token_world import refusal

DAY = 86400.0


# Time


def test_expiry_is_checked_at_every_use(world) -> None:
    token = world.token(lifetime=60.0)
    world.clock.advance(59.9)
    assert refusal(world.api, token) is None
    world.clock.advance(0.1)
    assert world.asked(lambda: refusal(world.api, token)) == 0
    assert refusal(world.api, token) is TokenExpired


def test_an_expired_token_at_first_sight(world) -> None:
    token = world.token(lifetime=60.0)
    world.clock.advance(60)
    assert refusal(world.api, token) is TokenExpired


def test_an_idle_token_dies(world) -> None:
    token = world.token(idle_lifetime=DAY)
    world.clock.advance(DAY - 1)
    assert refusal(world.api, token) is None
    world.api.flush()
    world.clock.advance(DAY - 1)
    assert refusal(world.api, token) is None
    world.api.flush()
    world.clock.advance(DAY)
    assert refusal(world.api, token) is TokenExpired


def test_a_token_in_use_does_not_die_of_idleness(world) -> None:
    """Neither by what was remembered of it, nor because its last use is not written yet."""
    token = world.token(idle_lifetime=DAY)
    world.clock.advance(DAY - 10)
    world.api.authenticate(token)  # not flushed
    world.clock.advance(20)
    assert refusal(world.api, token) is None
    world.clock.advance(world.policy.access_lifetime)  # the row is read again
    assert refusal(world.api, token) is None
    assert refusal(world.another_process(), token) is TokenExpired  # it was not told
    world.api.flush()
    assert refusal(world.another_process(), token) is None


def test_idleness_is_noticed_where_rows_are_remembered_for_longer(make) -> None:
    world = make(Policy(access_lifetime=DAY))
    token = world.token(idle_lifetime=3600.0)
    world.api.authenticate(token)
    world.clock.advance(3000)
    world.api.authenticate(token)
    world.clock.advance(3000)
    assert refusal(world.api, token) is None
    world.clock.advance(3600)
    assert refusal(world.api, token) is TokenExpired


def test_use_does_not_move_the_end(world) -> None:
    token = world.token(lifetime=2 * DAY, idle_lifetime=DAY)
    for _ in range(2):
        world.clock.advance(DAY - 1)
        assert refusal(world.api, token) is None
        world.api.flush()
    world.clock.advance(2)
    assert refusal(world.api, token) is TokenExpired


# The last use


def test_the_last_use_is_noted_and_written_by_flush(world) -> None:
    noted: list[int] = []
    world.api.noted = lambda: noted.append(1)
    first, second = world.token(), world.token()
    for token in (first, first, second):
        world.clock.advance(1)
        world.api.authenticate(token)

    assert len(noted) == 3
    assert world.rows.find(digest(first)).last_used_at is None
    assert world.api.flush() == 2
    assert world.rows.find(digest(second)).last_used_at == world.clock.now
    assert world.rows.find(digest(first)).last_used_at == world.clock.now - 1
    assert world.api.flush() == 0


def test_a_refused_use_is_not_one(world) -> None:
    token, token_id = world.api.create("1", "CI", lifetime=60.0)
    world.api.authenticate(token)
    world.api.flush()
    world.clock.advance(60)
    assert refusal(world.api, token) is TokenExpired
    world.api.revoke([token_id], "test")
    assert refusal(world.api, token) is TokenRevoked
    assert world.api.flush() == 0


def test_what_could_not_be_written_is_written_later_and_never_over_a_later_use(world) -> None:
    first, second = world.token(), world.token()
    for token in (first, second):
        world.api.authenticate(token)
    began = world.clock.now

    def fail_late(used: Mapping[UUID, float]) -> None:
        world.clock.advance(5)
        world.api.authenticate(first)  # somebody uses it while the write hangs
        raise ConnectionError

    world.rows.touch = fail_late
    with pytest.raises(ConnectionError):
        world.api.flush()
    del world.rows.touch

    assert world.api.flush() == 2
    assert world.rows.find(digest(first)).last_used_at == began + 5
    assert world.rows.find(digest(second)).last_used_at == began


def test_what_is_noted_is_bounded_by_the_tokens_there_are(world) -> None:
    world.rows.broken = True
    tokens = [world.token() for _ in range(3)]
    for _ in range(4):
        for token in tokens:
            world.api.authenticate(token)
        with pytest.raises(ConnectionError):
            world.api.flush()
    assert len(world.api._used) == 3


def test_a_process_forked_within_a_flush_can_flush(world) -> None:
    """There is no lock that the child could inherit from a thread it does not have."""
    world.api.authenticate(world.token())
    touch = world.rows.touch
    inner: list[int] = []

    def fork(used: Mapping[UUID, float]) -> None:
        world.rows.touch = touch
        world.api.authenticate(world.token())
        inner.append(world.api.flush())  # what the child would do
        touch(used)

    world.rows.touch = fork
    assert (world.api.flush(), inner) == (1, [1])


# Making one


@pytest.mark.parametrize("name", ["", " ", "a" * 101, "a\0b", "a\nb", "\ud800"])
def test_names_that_are_none(world, name) -> None:
    with pytest.raises(ValueError, match="name"):
        world.api.create("1", name)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"lifetime": 0.0}, "lifetime"),
        ({"lifetime": -1.0}, "lifetime"),
        ({"lifetime": float("inf")}, "lifetime"),
        ({"lifetime": float("nan")}, "lifetime"),
        ({"idle_lifetime": 3599.0}, "idle lifetime"),
        ({"scope": ["read write"]}, "not a scope"),
        ({"scope": "read"}, "list of texts"),
        ({"scope": ["a" * 1001]}, "1000 fit"),
    ],
)
def test_tokens_that_cannot_be(world, options, problem) -> None:
    with pytest.raises(ValueError, match=problem):
        world.api.create("1", "CI", **options)
    assert not world.rows._tokens


def test_scopes_keep_their_order_and_come_once(world) -> None:
    token = world.token(scope=["write", "read", "write"])
    assert world.rows.find(digest(token)).scope == "write read"


def test_a_token_is_found_by_its_text(world) -> None:
    token, token_id = world.api.create("1", "CI", lifetime=1.0)
    world.clock.advance(2)
    assert world.api.id_of(token) == token_id
    assert world.api.id_of(ApiTokens().mint()) is None
    assert world.asked(lambda: world.api.id_of("garbage")) == 0
