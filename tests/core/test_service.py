"""The service over the reference store: what the flows do, with time in the test's hands."""

from collections.abc import Callable, Collection, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.errors import AuthError, StoreUnavailable, TokenExpired, TokenRevoked, TokenStale
from drf_lanyard.core.keys import Key, KeyRing
from drf_lanyard.core.model import Client, Denied, Issued, Rotation, SessionState
from drf_lanyard.core.policy import Policy
from drf_lanyard.core.reader import Reader
from drf_lanyard.core.refresh import RefreshTokens
from drf_lanyard.service import Lanyard
from drf_lanyard.stores.memory import MemoryStore, MemoryUser

from .clocks import FakeClock

GRACE = Policy().refresh_grace


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def refreshed(self, session: SessionState) -> None:
        self.events.append(("refreshed", session.id))

    def refresh_reused(self, session: SessionState) -> None:
        self.events.append(("reused", session.id))

    def revoked(
        self, *, session_ids: Collection[UUID], token_ids: Collection[UUID], owners: Collection[Any], reason: str
    ) -> None:
        self.events.append(("revoked", tuple(session_ids), tuple(owners), reason))


class World:
    """One deployment with one process, a user and a clock."""

    def __init__(self, policy: Policy | None = None, claims_for: Callable[..., dict[str, Any]] | None = None) -> None:
        self.policy = policy or Policy()
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.user = MemoryUser(pk="1")
        self.store.users["1"] = self.user
        self.heard = Heard()
        self.slept: list[float] = []
        self.claims_for = claims_for or (lambda user, session: {})
        self.lanyard = self.process()

    def process(self) -> Lanyard:
        policy = self.policy
        key = Key.from_secret(b"s" * 32)
        return Lanyard(
            policy=policy,
            access=AccessTokens(
                KeyRing(key),
                issuer="i",
                audience="a",
                lifetime=policy.access_lifetime,
                leeway=policy.leeway,
            ),
            refresh_tokens=RefreshTokens([b"k" * 32]),
            sessions=self.store,
            reader=Reader(self.store, lease=policy.lease, timeout=20.0, clock=self.clock),
            clock=self.clock,
            listener=self.heard,
            claims_for=self.claims_for,
            sleep=self.slept.append,
        )

    def sign_in(self) -> Issued:
        issued = self.lanyard.sign_in(self.user, method="password", transport="bearer", client=Client())
        assert isinstance(issued, Issued)
        return issued

    def refresh(self, token: str, key: str | None = None) -> Issued:
        issued = self.lanyard.refresh(token, client=Client(), idempotency_key=key)
        assert isinstance(issued, Issued), issued
        return issued

    def denied(self, token: str, key: str | None = None) -> str:
        denied = self.lanyard.refresh(token, client=Client(), idempotency_key=key)
        assert isinstance(denied, Denied)
        return denied.error.code


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.lanyard.reader.close()


def refusal(lanyard: Lanyard, token: str) -> type[AuthError] | None:
    try:
        lanyard.authenticate(token)
    except AuthError as error:
        return type(error)
    return None


def test_a_signed_in_user_is_recognised(world: World) -> None:
    issued = world.sign_in()
    principal = world.lanyard.authenticate(issued.access)

    assert (principal.user_id, principal.session_id, principal.method) == ("1", issued.session.id, "jwt")
    assert issued.expires_in == 300 and issued.refresh_expires_in == 14 * 86400
    assert issued.access not in repr(issued) and issued.refresh not in repr(issued)


def test_a_token_expires_by_the_wall_clock(world: World) -> None:
    issued = world.sign_in()
    world.clock.advance(world.policy.access_lifetime + world.policy.leeway + 1)

    assert refusal(world.lanyard, issued.access) is TokenExpired


def test_logging_out_ends_both_tokens_here_at_once_and_elsewhere_within_the_lease(world: World) -> None:
    issued, elsewhere = world.sign_in(), world.process()
    assert refusal(elsewhere, issued.access) is None

    assert world.lanyard.revoke_sessions([issued.session.id], "logout") == 1
    assert refusal(world.lanyard, issued.access) is TokenRevoked
    assert world.denied(issued.refresh) == "token_revoked"
    assert refusal(elsewhere, issued.access) is None  # the lease is not over there

    world.clock.advance(world.policy.lease)
    assert refusal(elsewhere, issued.access) is TokenRevoked
    assert world.heard.events == [("revoked", (issued.session.id,), (), "logout")]
    elsewhere.reader.close()


def test_what_ended_is_told_also_if_nobody_can_say_what_else_is_dead(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = world.sign_in()
    assert refusal(world.lanyard, issued.access) is None
    with monkeypatch.context() as patched:
        patched.setattr(world.lanyard.reader, "fresh", lambda: (_ for _ in ()).throw(StoreUnavailable))
        with pytest.raises(StoreUnavailable):
            world.lanyard.revoke_sessions([issued.session.id, uuid4()], "logout")

    assert world.heard.events == [("revoked", (issued.session.id,), (), "logout")]
    assert refusal(world.lanyard, issued.access) is TokenRevoked


def test_a_chain_of_refreshes(world: World) -> None:
    issued = world.sign_in()
    seen = {issued.refresh}
    for _ in range(5):
        world.clock.advance(GRACE)
        issued = world.refresh(issued.refresh)
        seen.add(issued.refresh)

    assert len(seen) == 6
    assert refusal(world.lanyard, issued.access) is None
    assert [event[0] for event in world.heard.events] == ["refreshed"] * 5


def test_within_the_grace_everybody_gets_the_same_successor(world: World) -> None:
    first = world.sign_in()
    world.clock.advance(GRACE)
    second = world.refresh(first.refresh)

    again = [world.refresh(token).refresh for token in (first.refresh, second.refresh, first.refresh)]

    assert set(again) == {second.refresh}
    assert len({second.access, world.refresh(first.refresh).access}) == 2


def test_a_replayed_token_kills_the_session(world: World) -> None:
    first = world.sign_in()
    world.clock.advance(GRACE)
    second = world.refresh(first.refresh)
    world.clock.advance(GRACE)

    assert world.denied(first.refresh) == "refresh_reused"

    assert world.denied(second.refresh) == "token_revoked"
    assert refusal(world.lanyard, second.access) is TokenRevoked
    assert [event[0] for event in world.heard.events] == ["refreshed", "revoked", "reused"]


def test_a_lost_answer_is_repeated_at_any_age_for_the_same_key(world: World) -> None:
    first = world.sign_in()
    world.clock.advance(GRACE)
    lost = world.refresh(first.refresh, key="attempt")
    world.clock.advance(3600)

    assert world.refresh(first.refresh, key="attempt").refresh == lost.refresh
    assert world.denied(first.refresh, key="another") == "refresh_reused"


def test_a_restored_backup_does_not_sign_anybody_out(world: World) -> None:
    first = world.sign_in()
    backup = dict(world.store._sessions)
    world.clock.advance(GRACE)
    second = world.refresh(first.refresh)
    world.clock.advance(GRACE)
    third = world.refresh(second.refresh)
    world.store._sessions.update(backup)
    world.clock.advance(GRACE)

    fourth = world.refresh(third.refresh)

    world.clock.advance(GRACE)
    assert world.refresh(fourth.refresh).refresh not in {first.refresh, second.refresh, third.refresh, fourth.refresh}


@pytest.mark.parametrize("spoil", ["", "lrt_", "eyJ", "lrt_" + "A" * 80, "lrt_" + "é" * 80, "a" * 10_000])
def test_garbage_is_refused_and_changes_nothing(world: World, spoil: str) -> None:
    issued = world.sign_in()

    assert world.denied(spoil) in {"token_malformed", "token_invalid"}
    assert refusal(world.lanyard, issued.access) is None


def test_knowing_a_session_id_does_not_kill_it(world: World) -> None:
    """The MAC comes first: an old counter with a wrong MAC is not a replay."""
    first = world.sign_in()
    for _ in range(3):
        world.clock.advance(GRACE)
        first = world.refresh(first.refresh)
    forged = RefreshTokens([b"x" * 32]).derive(first.session.id, "guess", 0)

    assert world.denied(forged) == "token_invalid"
    world.clock.advance(GRACE)
    world.refresh(first.refresh)


def test_a_deactivated_user_is_told_so(world: World) -> None:
    issued = world.sign_in()
    world.store.users["1"] = MemoryUser(pk="1", is_active=False)

    assert world.denied(issued.refresh) == "user_inactive"
    assert refusal(world.lanyard, issued.access) is TokenRevoked


def test_a_password_changed_behind_our_back_is_noticed_at_the_refresh(world: World) -> None:
    issued = world.sign_in()
    world.store.users["1"] = MemoryUser(pk="1", password="changed by SQL")

    assert world.denied(issued.refresh) == "token_revoked"
    assert refusal(world.lanyard, issued.access) is TokenRevoked


def test_revoking_a_user_makes_tokens_stale_and_the_refresh_tells_why(world: World) -> None:
    issued = world.sign_in()
    world.lanyard.revoke_users(["1"], "test")

    assert refusal(world.lanyard, issued.access) is TokenStale
    assert world.denied(issued.refresh) == "token_revoked"
    assert refusal(world.lanyard, world.sign_in().access) is None


def test_changed_claims_only_need_a_refresh() -> None:
    roles = ["author"]
    world = World(claims_for=lambda user, session: {"roles": list(roles)})
    issued = world.sign_in()
    assert world.lanyard.authenticate(issued.access).claims == {"roles": ["author"]} == issued.claims

    roles.append("editor")
    world.lanyard.revoke_users(["1"], "claims_changed", keep_sessions=True)

    assert refusal(world.lanyard, issued.access) is TokenStale
    assert world.lanyard.authenticate(world.refresh(issued.refresh).access).claims == {"roles": ["author", "editor"]}
    world.lanyard.reader.close()


def test_a_claims_callable_that_fails_changes_nothing() -> None:
    fails: list[bool] = []

    def claims_for(user: Any, session: SessionState) -> dict[str, Any]:
        if fails:
            raise ZeroDivisionError
        return {}

    world = World(claims_for=claims_for)
    issued = world.sign_in()
    world.clock.advance(GRACE)
    fails.append(True)
    with pytest.raises(ZeroDivisionError):
        world.refresh(issued.refresh)
    fails.clear()

    world.clock.advance(3600)
    world.refresh(issued.refresh)
    assert world.store.load(issued.session.id).counter == 1  # type: ignore[union-attr]


def test_claims_handed_out_do_not_reach_the_next_request() -> None:
    world = World(claims_for=lambda user, session: {"roles": ["author"]})
    issued = world.sign_in()

    world.lanyard.authenticate(issued.access).claims["roles"].append("admin")

    assert world.lanyard.authenticate(issued.access).claims == {"roles": ["author"]}
    world.lanyard.reader.close()


def test_an_epoch_raised_between_the_read_and_the_mint_makes_the_token_stale() -> None:
    """The epoch was read before the claims, so what changed in between cannot survive in a token."""
    world: World

    def claims_for(user: Any, session: SessionState) -> dict[str, Any]:
        world.lanyard.revoke_users(["1"], "claims_changed", keep_sessions=True)
        return {}

    world = World(claims_for=claims_for)
    issued = world.sign_in()

    assert refusal(world.lanyard, issued.access) is TokenStale
    world.lanyard.reader.close()


def test_a_process_stopped_in_the_middle_of_a_mint_mints_an_old_token() -> None:
    world: World

    def claims_for(user: Any, session: SessionState) -> dict[str, Any]:
        world.clock.advance(3600)
        return {}

    world = World(claims_for=claims_for)
    issued = world.sign_in()

    assert refusal(world.lanyard, issued.access) is TokenExpired
    world.lanyard.reader.close()


def test_a_lost_swap_is_decided_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = world.sign_in()
    world.clock.advance(GRACE)
    swap, winners = world.store.swap, list[Issued]()

    def lose_once(expected: SessionState, rotation: Rotation) -> bool:
        monkeypatch.setattr(world.store, "swap", swap)
        winners.append(world.refresh(issued.refresh))
        return swap(expected, rotation)

    monkeypatch.setattr(world.store, "swap", lose_once)

    assert world.refresh(issued.refresh).refresh == winners[0].refresh


def test_swaps_that_are_always_lost_end_in_an_outage_not_in_a_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = world.sign_in()
    world.clock.advance(GRACE)
    monkeypatch.setattr(world.store, "swap", lambda *args: False)

    with pytest.raises(StoreUnavailable):
        world.refresh(issued.refresh)


def test_no_token_outlives_the_absolute_end() -> None:
    world = World(Policy(session_lifetime=1000.0, refresh_lifetime=600.0))
    issued = world.sign_in()
    world.clock.advance(500)
    issued = world.refresh(issued.refresh)
    assert (issued.refresh_expires_in, issued.expires_in) == (500, 300)
    world.clock.advance(400)
    issued = world.refresh(issued.refresh)
    assert (issued.refresh_expires_in, issued.expires_in) == (100, 100)
    world.clock.advance(100 + world.policy.leeway)

    assert refusal(world.lanyard, issued.access) is TokenExpired
    assert world.denied(issued.refresh) == "session_expired"
    world.lanyard.reader.close()


def test_renewed_credentials_replace_every_older_one(world: World) -> None:
    issued = world.sign_in()
    world.store.users["1"] = MemoryUser(pk="1", password="second")
    world.lanyard.revoke_users(["1"], "password_changed", keep=issued.session.id)

    renewed = world.lanyard.renew(issued.session.id)

    assert isinstance(renewed, Issued)
    assert refusal(world.lanyard, issued.access) is TokenStale
    assert world.denied(issued.refresh) == "token_invalid"
    assert refusal(world.lanyard, renewed.access) is None
    world.clock.advance(GRACE)
    world.refresh(renewed.refresh)


def test_the_oldest_session_is_evicted() -> None:
    world = World(Policy(max_sessions=2))
    issued = [world.sign_in() for _ in range(1)]
    for _ in range(2):
        world.clock.advance(1)
        issued.append(world.sign_in())

    assert [refusal(world.lanyard, i.access) for i in issued] == [TokenRevoked, None, None]
    world.lanyard.reader.close()


def test_waiting_lasts_one_lease_even_if_somebody_else_was_faster(world: World) -> None:
    issued = world.sign_in()

    assert world.lanyard.revoke_sessions([issued.session.id], "test", wait=True) == 1
    assert world.lanyard.revoke_sessions([issued.session.id], "test", wait=True) == 0
    assert world.slept == [world.policy.lease] * 2


def test_waiting_inside_a_transaction_is_refused_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = world.sign_in()
    monkeypatch.setattr(world.store, "in_transaction", lambda: True)

    for revoke in (
        lambda: world.lanyard.revoke_sessions([issued.session.id], "test", wait=True),
        lambda: world.lanyard.revoke_users(["1"], "test", wait=True),
    ):
        with pytest.raises(RuntimeError, match="inside a transaction"):
            revoke()
    assert refusal(world.lanyard, issued.access) is None


def test_a_session_is_found_by_either_of_its_tokens_even_expired(world: World) -> None:
    issued = world.sign_in()
    world.clock.advance(world.policy.access_lifetime * 2)

    assert world.lanyard.session_of(access=issued.access) == issued.session.id
    assert world.lanyard.session_of(refresh=issued.refresh) == issued.session.id
    for garbage in ("", "x.y.z", issued.access[:-2] + "AA", issued.refresh[:-2] + "AA"):
        assert world.lanyard.session_of(access=garbage) is None
        assert world.lanyard.session_of(refresh=garbage) is None
    assert world.lanyard.session_of() is None
