"""Keeps one process's snapshot fresh, and refuses when it cannot.

One daemon thread per process reads the log. It starts at the first request that needs it (never at import: it would not
survive a pre-forking server), reads again when half the lease is over and there was traffic, and otherwise sleeps.
"""

import asyncio
import logging
import os
import threading
import weakref
from collections.abc import Iterable

from .errors import StoreUnavailable
from .model import Entry, LogRead
from .ports import Clock, RevocationLog
from .revocation import Snapshot

logger = logging.getLogger("drf_lanyard")

#: After a failed read, requests are refused at once for this many seconds instead of queueing on a dead database.
FAILURE_PAUSE = 0.1
#: An idle process lets go of its connection after this many seconds.
IDLE_SECONDS = 30.0
_NEVER = float("-inf")


class Reader:
    """Hands out a snapshot that is at most `lease` seconds old, or raises `StoreUnavailable`.

    A request proceeds when `now < start of the last good read + lease`, or when a read that started after the request
    arrived has finished. It waits at most `timeout` seconds.
    """

    def __init__(self, log: RevocationLog, *, lease: float, timeout: float, clock: Clock) -> None:
        self.snapshot = Snapshot()
        self.log = log
        self.lease = lease
        self.timeout = timeout
        self._steady = clock.steady
        self._closed = False
        self._start_afresh()
        _readers.add(self)

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # the thread waits here
        self._done = threading.Condition(self._lock)  # requests wait here
        self._thread: threading.Thread | None = None
        self._good_until = _NEVER
        self._read_from = _NEVER  # start of the last good read
        self._wanted = _NEVER  # arrival of the latest request that waits
        self._reading_since: float | None = None
        self._failures = 0
        self._failed_until = _NEVER
        self._failing = False
        self._traffic = False

    def fresh(self) -> Snapshot:
        """The snapshot, fresh enough to decide on. Raises `StoreUnavailable`. Blocks at most `timeout` seconds."""
        if self._steady() < self._good_until and os.getpid() == self._pid:
            self._traffic = True
            return self.snapshot
        return self._wait()

    async def afresh(self) -> Snapshot:
        """`fresh` for a caller on an event loop, which it never blocks."""
        if self._steady() < self._good_until and os.getpid() == self._pid:
            self._traffic = True
            return self.snapshot
        return await asyncio.to_thread(self._wait)

    def add(self, entries: Iterable[Entry]) -> None:
        """Apply entries that this process has committed, without waiting for the next read."""
        with self._lock:
            self.snapshot.add(entries)

    def close(self) -> None:
        """Let the thread end. Requests that still come are refused."""
        with self._lock:
            self._closed = True
            self._good_until = _NEVER
            self._wake.notify_all()
            self._done.notify_all()

    # Requests

    def _wait(self) -> Snapshot:
        if os.getpid() != self._pid:
            self.after_fork()
        arrived = self._steady()
        deadline = arrived + self.timeout
        with self._lock:
            if self._closed or arrived < self._failed_until:
                raise StoreUnavailable
            failures = self._failures
            self._wanted = max(self._wanted, arrived)
            self._ensure_thread()
            self._wake.notify()
            while not (self._read_from >= arrived or self._steady() < self._good_until):
                remaining = deadline - self._steady()
                if self._closed or self._failures != failures:
                    raise StoreUnavailable
                if remaining <= 0:
                    self._abandon_stuck_read()
                    raise StoreUnavailable
                self._done.wait(remaining)
        return self.snapshot

    def _ensure_thread(self) -> None:
        if self._closed or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name="drf-lanyard-reader", daemon=True)
        self._thread.start()

    def _abandon_stuck_read(self) -> None:
        """A hung server ignores every timeout of its own: cut the read off and let another thread begin anew."""
        since = self._reading_since
        if since is not None and self._steady() - since >= 0.9 * self.timeout:
            self._record_failure("the read hangs")
            self._reading_since = None
            self._thread = None
            self.log.interrupt()

    # The thread

    def _run(self) -> None:
        me = threading.current_thread()
        while self._await_turn(me):
            self._read(me)
        if self._thread is me:
            self.log.rest()

    def _await_turn(self, me: threading.Thread) -> bool:
        """Sleep until a read is due; False when this thread is to end."""
        idle_since = self._steady()
        resting = False
        with self._lock:
            while True:
                if self._closed or self._thread is not me:
                    return False
                now = self._steady()
                if self._is_due(now):
                    self._reading_since = now
                    self._traffic = False
                    return True
                if now < self._good_until:
                    self._wake.wait(self.lease / 4)
                elif resting:
                    self._wake.wait()
                elif now - idle_since >= IDLE_SECONDS:
                    resting = True
                    self._lock.release()
                    try:
                        self.log.rest()
                    finally:
                        self._lock.acquire()
                else:
                    self._wake.wait(IDLE_SECONDS - (now - idle_since))

    def _is_due(self, now: float) -> bool:
        if now < self._failed_until:
            return False
        return self._wanted > self._read_from or (self._traffic and now >= self._read_from + self.lease / 2)

    def _read(self, me: threading.Thread) -> None:
        try:
            unsequenced = self._read_once(me)
        except Exception as error:  # whatever it is, it means that we do not know what is revoked
            with self._lock:
                if self._thread is me:
                    self._record_failure(type(error).__name__)
            return
        if unsequenced:
            try:
                self.log.sequence()
            except Exception as error:  # another process, or our next read, will
                logger.warning("Sequencing the revocation log failed (%s); it is tried again.", type(error).__name__)

    def _read_once(self, me: threading.Thread) -> bool:
        started = self._reading_since
        read = self.log.read(self.snapshot.position)
        if self.snapshot.has_lost(read):
            read = self._recover(me)
        with self._lock:
            if self._thread is not me or started is None or self._closed:
                return False
            self.snapshot.apply(read)
            self._read_from = started
            self._good_until = started + self.lease
            self._reading_since = None
            if self._failing:
                self._failing = False
                logger.warning("The revocation log can be read again.")
            self._done.notify_all()
        return any(entry.position is None for entry in read.entries)

    def _recover(self, me: threading.Thread) -> LogRead:
        """The database lost commits (failover, restore): give back what only we remember, then read all of it again."""
        read = self.log.read(0)
        with self._lock:
            lost = self.snapshot.missing_from(read) if self._thread is me else []
        if lost:
            logger.error("The revocation log has lost %d entries that this process holds; restoring them.", len(lost))
            self.log.restore(lost)
        with self._lock:
            if self._thread is me:
                self.snapshot.rewind()
        return read

    def _record_failure(self, why: str) -> None:
        self._failures += 1
        self._failed_until = self._steady() + FAILURE_PAUSE
        self._reading_since = None
        self._wanted = _NEVER
        if not self._failing:
            self._failing = True
            logger.error("The revocation log cannot be read (%s); requests are refused once the lease is over.", why)
        self._done.notify_all()

    # Forks

    def after_fork(self) -> None:
        """In a child: new locks (the parent's may be held), no thread, nothing fresh, the connection set aside."""
        if os.getpid() == self._pid:
            return
        self._start_afresh()
        self.log.park()


_readers: "weakref.WeakSet[Reader]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for reader in list(_readers):
        reader.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
