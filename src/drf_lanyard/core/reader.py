"""Keeps one process's snapshot fresh, and refuses when it cannot.

One daemon thread per process reads the log. It starts at the first request that needs it (never at import: it would not
survive a pre-forking server), reads again when half the lease is over and there was traffic, and otherwise sleeps.

What it shares with the requests is in `freshness`; what it does with the log in `catch_up`.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from os import getpid  # by its own name: one look-up less at every check

from . import forks
from .catch_up import CatchUp
from .counts import counts
from .errors import StoreUnavailable
from .fleet import Report, RollCalls, describe
from .follower import Follower
from .freshness import FAILURE_PAUSE, SEQUENCE_PAUSE, Freshness
from .model import Entry
from .ports import Clock, RevocationLog
from .revocation import Snapshot

__all__ = ["FAILURE_PAUSE", "IDLE_SECONDS", "SEQUENCE_PAUSE", "Reader"]

logger = logging.getLogger("drf_lanyard")

#: An idle process lets go of its connection after this many seconds.
IDLE_SECONDS = 30.0


class Reader(Freshness):
    """Hands out a snapshot that is at most `lease` seconds old, or raises `StoreUnavailable`.

    A request proceeds when `now < start of the last good read + lease`, or when a read that started after the request
    arrived has finished. It waits at most `timeout` seconds.
    """

    def __init__(
        self, log: RevocationLog, *, lease: float, timeout: float, clock: Clock, push: Follower | None = None
    ) -> None:
        self.log = log
        self.push = push
        super().__init__(lease=lease, timeout=timeout, clock=clock)
        forks.watch(self)

    def _start_afresh(self) -> None:
        super()._start_afresh()
        self._calls = RollCalls()

    def fresh(self) -> Snapshot:
        """The snapshot, fresh enough to decide on. Raises `StoreUnavailable`. Blocks at most `timeout` seconds."""
        if self._steady() < self._good_until:  # also in a child whose fork nobody announced: it is as fresh there
            self._traffic += 1
            return self.snapshot
        return self._wait()

    async def afresh(self) -> Snapshot:
        """`fresh` for a caller on an event loop, which it never blocks."""
        if self._steady() < self._good_until:  # also in a child whose fork nobody announced: it is as fresh there
            self._traffic += 1
            return self.snapshot
        return await asyncio.to_thread(self._wait)

    def publish(self, entries: Sequence[Entry]) -> None:
        """Entries that this process has committed: apply them here, and tell the other processes."""
        self.add(entries)
        if self.push is not None:
            self.push.send(entries)

    def report(self) -> Report:
        """How this process follows the log; asks nobody."""
        now = self._steady()
        running, age = now - self._began, now - self._read_from
        return describe(self.snapshot, self.push, running=running, age=age, failures=self._failures)

    # Requests

    def _wait(self) -> Snapshot:
        arrived = self._steady()
        counts.checks += 1
        try:
            snapshot = self._wait_for_read(arrived)
            counts.wait_seconds.append(self._steady() - arrived)
            return snapshot
        except StoreUnavailable:
            counts.refusals += 1
            raise
        finally:
            counts.changed(self)

    def _wait_for_read(self, arrived: float) -> Snapshot:
        if getpid() != self._pid:
            forks.after_fork()
        with self._lock:
            if self._refuses(arrived):
                raise StoreUnavailable
            self._ensure_thread()
            served = self._await_read(arrived)
            first = not served and self._is_stuck() and self._replace_thread()
        if not served:
            if first:
                _complain("the database hangs")
            raise StoreUnavailable
        return self.snapshot

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._run, name="drf-lanyard-reader", daemon=True)
        try:
            thread.start()  # it waits for the lock that we hold
        except RuntimeError:  # no more threads to be had
            raise StoreUnavailable from None
        self._thread = thread

    def _replace_thread(self) -> bool:
        """A hung server ignores every timeout of its own: cut the call off; the next request starts another thread."""
        if self._sequencing:
            self._sequencing = False
            self.put_off_sequencing()
        self._thread = None
        self.log.interrupt()
        return self._record_failure()

    # The thread

    def _run(self) -> None:
        while self._next_turn():
            if self.push is not None:
                self.push.follow(self)
            self._read()
        if self._thread is threading.current_thread():
            self._rest()

    def _next_turn(self) -> bool:
        """Sleep until a read is due; False when this thread is to end. Who sleeps for long holds no connections."""
        if self.await_turn(IDLE_SECONDS):
            return True
        if self.in_charge():
            self._rest()
        return self.await_turn()

    def _rest(self) -> None:
        """Let go of the connections."""
        if self.push is not None:
            self.push.rest()
        self.log.rest()

    def _catch_up(self) -> CatchUp:
        # Made for each turn: kept, it would hold the reader that holds it, and forks be told to readers long gone.
        return CatchUp(self.log, self, self._calls, self.report)

    def _read(self) -> None:
        try:
            self._catch_up().turn()
        except Exception as error:  # whatever it is, it means that we do not know what is revoked
            with self._lock:
                first = self.in_charge() and self._record_failure()
            if first:  # a handler of logs may be slow: never under the lock
                _complain(type(error).__name__)
        counts.changed(self)

    # Forks

    def after_fork(self) -> None:
        """In a child: new locks (the parent's may be held), no thread, nothing fresh, the connection set aside."""
        if getpid() == self._pid:
            return
        self._start_afresh()
        self.log.park()


def _complain(why: str) -> None:
    logger.error("The revocation log cannot be read (%s); requests are refused once the lease is over.", why)
