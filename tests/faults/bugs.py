"""Bugs that are put into a worker on purpose, so that the judge can show what it is worth. Never in the library.

Each is what a plausible implementation does wrong. `plant` is called once, before the first request.
"""

import random
import secrets
import time
from collections.abc import Callable
from typing import Any

from drf_lanyard.core import errors, refresh
from drf_lanyard.core.model import Denied, LogRead
from drf_lanyard.core.reader import Reader
from drf_lanyard.core.revocation import Snapshot
from drf_lanyard.service import Lanyard
from drf_lanyard.stores.clock import SystemClock


def trusts_push() -> None:
    """Reads the log once, and from then on believes that push tells it everything: a lease that never ends."""
    from django.conf import settings

    settings.LANYARD = {**settings.LANYARD, "LEASE": 10**6}


def check_then_insert() -> None:
    """Looks whether the refresh token is the current one, and writes a new random one: the way with a table."""

    def refresh_naively(self: Any, token: str, **options: Any) -> Any:
        began = self.clock.time()
        presented = self.refresh_tokens.parse(token)
        state = self.sessions.load(presented.session_id)
        if state is None or not self.refresh_tokens.is_genuine(presented, state.secret):
            return Denied(error=errors.TokenInvalid())
        refusal = refresh._refusal(state)
        if refusal is not None and refusal.error is not None:
            return self._deny(state, refusal.error, ends_session=refusal.ends_session)
        time.sleep(0.01)  # the claims are made
        state = self.sessions.renew(presented.session_id, secrets.token_urlsafe(32))
        return Denied(error=errors.TokenRevoked()) if state is None else self._issue(state, state.counter, began)

    Lanyard.refresh = refresh_naively  # type: ignore[method-assign]


def fails_open() -> None:
    """Does not want to lose a request to an outage."""
    fresh = Reader.fresh

    def lenient(self: Any) -> Snapshot:
        try:
            return fresh(self)
        except errors.StoreUnavailable:
            snapshot: Snapshot = self.snapshot
            return snapshot

    Reader.fresh = lenient  # type: ignore[method-assign]


def id_gap() -> None:
    """Catches up by `id > last`: what got a lower id and committed later is never seen."""
    # They need Django's settings, which the driver has not.
    from drf_lanyard.stores import orm_log
    from drf_lanyard.stores.private import quiet_cursor

    columns = "uid, position, credential, subject, epoch, ends_sessions"
    last = 0

    def read_by_id(connection: Any, position: int, page: int = 0) -> LogRead:
        nonlocal last
        with quiet_cursor(connection) as cursor:
            cursor.execute(f"SELECT id, {columns} FROM {orm_log.LOG} WHERE id > %s", [last])
            rows = cursor.fetchall()
        last = max([last, *(row[0] for row in rows)])
        entries = tuple(orm_log._entry(*row[1:]) for row in rows)
        return LogRead(entries=entries, floor=0, more_sequenced=False, more_unsequenced=False)

    orm_log.read_log = read_by_id
    Snapshot.has_lost = lambda self, read: False  # type: ignore[method-assign]


def wall_clock_lease() -> None:
    """Measures the lease with a clock that somebody may set."""
    SystemClock.steady = staticmethod(lambda: time.time())  # looked up at each call, as it may be moved


def verdict_cached() -> None:
    """Remembers for a while that a token was good."""
    authenticate = Lanyard.authenticate
    good: dict[str, tuple[float, Any]] = {}

    def remembered(self: Any, token: str) -> Any:
        until, principal = good.get(token, (0.0, None))
        if time.monotonic() < until:
            return principal
        principal = authenticate(self, token)
        good[token] = time.monotonic() + random.uniform(3, 5), principal
        return principal

    Lanyard.authenticate = remembered  # type: ignore[method-assign]
    Lanyard.recall = lambda self, token: None  # type: ignore[method-assign]


BUGS: dict[str, Callable[[], None]] = {
    "dropped push": trusts_push,
    "check-then-insert rotation": check_then_insert,
    "fail-open except": fails_open,
    "id-gap catch-up": id_gap,
    "wall-clock lease": wall_clock_lease,
    "verdict cached": verdict_cached,
}


def plant(name: str | None) -> None:
    if name is not None:
        BUGS[name]()
