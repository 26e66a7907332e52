"""A client that persists an Idempotency-Key before it sends is never signed out by losses and crashes."""

import random
from pathlib import Path
from typing import Any

import pytest

from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.keys import Key, KeyRing
from drf_lanyard.core.model import Client, Denied, Issued, SessionState
from drf_lanyard.core.policy import Policy
from drf_lanyard.core.reader import Reader
from drf_lanyard.core.refresh import RefreshTokens
from drf_lanyard.models import Session
from drf_lanyard.service import Lanyard
from drf_lanyard.stores.memory import MemoryStore, MemoryUser
from drf_lanyard.wiring import get_lanyard

from ..databases import TestDatabase
from .lossy import DEATHS, Life, Wire
from .world import log_in, pass_time

REFRESHES = 10_000
#: On a database, and where some must be lost to show that the others are kept for a reason.
FEWER = 300


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Silent:
    """Nobody listens."""

    def refreshed(self, session: SessionState) -> None: ...
    def refresh_reused(self, session: SessionState) -> None: ...
    def revoked(self, **what: Any) -> None: ...


def in_memory(clock: Clock) -> tuple[Lanyard, MemoryUser]:
    """The service on the reference store, with a session that has no absolute end: an hour passes 10,000 times."""
    policy = Policy(session_lifetime=None)
    store = MemoryStore(clock)
    user = store.users["alice"] = MemoryUser("alice")
    keys = KeyRing(Key.from_secret(b"k" * 32))
    lanyard = Lanyard(
        policy=policy,
        access=AccessTokens(keys, issuer="i", audience="a", lifetime=policy.access_lifetime, leeway=policy.leeway),
        refresh_tokens=RefreshTokens([b"r" * 32]),
        sessions=store,
        reader=Reader(store, lease=policy.lease, timeout=policy.read_timeout, clock=clock),
        clock=clock,
        listener=Silent(),
        sleep=clock.advance,
    )
    return lanyard, user


def live_in_memory(folder: Path, refreshes: int, *, with_key: bool, seed: int) -> Life:
    clock = Clock()
    lanyard, user = in_memory(clock)

    def sign_in() -> Issued:
        issued = lanyard.sign_in(user, method="password", transport="bearer", client=Client())
        assert not isinstance(issued, Denied)
        return issued

    wire = Wire(lanyard, random.Random(seed), with_key=with_key)
    life = Life(wire, folder / "tokens.json", sign_in, clock.advance)
    life.live(refreshes)
    return life


@pytest.fixture
def seed() -> int:
    """Shown with a failure, so that it can be repeated."""
    chosen = random.SystemRandom().randrange(2**32)
    print(f"seed {chosen}")
    return chosen


def test_ten_thousand_refreshes_sign_nobody_out(tmp_path: Path, seed: int) -> None:
    life = live_in_memory(tmp_path, REFRESHES, with_key=True, seed=seed)
    assert life.logouts == 0
    assert set(life.deaths) == set(DEATHS) and min(life.deaths.values()) > REFRESHES / 100
    assert life.wire.seen["lost"] > REFRESHES / 10


def test_without_the_key_sessions_are_lost(tmp_path: Path, seed: int) -> None:
    """The same run, only that the key never arrives: a lost answer is then a replay. So the test above can fail."""
    life = live_in_memory(tmp_path, FEWER, with_key=False, seed=seed)
    assert life.logouts > 0


@pytest.mark.parametrize("with_key", [True, False])
def test_the_same_on_a_database(with_key: bool, alice: Any, database: TestDatabase, tmp_path: Path, seed: int) -> None:
    def advance(seconds: float) -> None:
        """Of what passes, only the age of the last rotation matters here."""
        pass_time(Session.objects.latest("created_at").pk, seconds)

    life = Life(Wire(get_lanyard(), random.Random(seed), with_key=with_key), tmp_path / "tokens.json", log_in, advance)
    life.live(FEWER)
    assert (life.logouts == 0) is with_key
    assert set(life.deaths) == set(DEATHS)
    if with_key:
        assert Session.objects.live().count() == Session.objects.count() == 1
