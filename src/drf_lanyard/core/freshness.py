"""What a process knows of the log and until when, who waits for more, and when the log is to be read again.

This is all that the requests and the reader's thread share, under one lock. Nothing here calls the log.
"""

import logging
import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import getpid

from .counts import counts
from .model import Entry
from .ports import Clock
from .revocation import Snapshot

logger = logging.getLogger("drf_lanyard")

#: After a failed read, requests are refused at once for this many seconds instead of queueing on a dead database.
FAILURE_PAUSE = 0.1
#: After sequencing failed or hung, reads go on without it for this many seconds.
SEQUENCE_PAUSE = 5.0
_NEVER = float("-inf")
_FOREVER = float("inf")


class Freshness:
    """The state of a reader. Times are seconds by its steady clock.

    Methods with an underscore want the lock to be held; the others take it if they need it.
    """

    def __init__(self, *, lease: float, timeout: float, clock: Clock) -> None:
        self.snapshot = Snapshot()
        self.lease = lease
        self.timeout = timeout
        self._steady = clock.steady
        self._closed = False
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = getpid()
        self._began = self._steady()
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # the thread waits here
        self._done = threading.Condition(self._lock)  # requests wait here
        self._thread: threading.Thread | None = None  # which one may call the log
        self._good_until = _NEVER
        self._read_from = _NEVER  # start of the last good read
        self._wanted = _NEVER  # arrival of the latest request that waits
        self._reading_since: float | None = None  # start of the call to the log that is under way
        self._sequencing = False
        self._sequence_from = _NEVER
        self._failures = 0
        self._failed_until = _NEVER
        self._failing = False
        self._traffic = 0  # snapshots handed out at once since the last read
        self._hinted = _FOREVER  # when to read because of a hint
        self._asked = _NEVER  # the latest read that requests were the reason of

    # From anywhere

    def add(self, entries: Iterable[Entry]) -> None:
        """Apply committed entries without waiting for the next read.

        Where nothing is fresh or being read, a read comes before the next decision, and there is nothing to add to: a
        process that only revokes would hold what it never forgets.
        """
        with self._lock:
            if self._reading_since is not None or self._steady() < self._good_until:
                self.snapshot.add(entries)

    def hint(self) -> None:
        """Something has died, and it was not said what: read soon, and not all processes at once.

        Where nothing is fresh or being read, a read comes before the next decision anyway. A read that is hinted at
        already serves later hints too. Nor do hints keep a process reading that nobody asks.
        """
        with self._lock:
            now = self._steady()
            is_used = self._traffic > 0 or now < self._asked + self.lease
            if self._hinted == _FOREVER and is_used and (self._reading_since is not None or now < self._good_until):
                self._hinted = now + random.uniform(0, self.lease / 4)
                self._wake.notify()

    def close(self) -> None:
        """Let the thread end. Requests that still come are refused."""
        with self._lock:
            self._closed = True
            self._good_until = _NEVER
            self._wake.notify_all()
            self._done.notify_all()

    # From requests

    def _refuses(self, arrived: float) -> bool:
        return self._closed or arrived < self._failed_until

    def _await_read(self, arrived: float) -> bool:
        """Whether a read came in time that may serve a request of that arrival."""
        self._wanted = max(self._wanted, arrived)
        self._wake.notify()
        failures = self._failures
        while not (self._read_from >= arrived or self._steady() < self._good_until):
            remaining = arrived + self.timeout - self._steady()
            if self._closed or self._failures != failures or remaining <= 0:
                return False
            self._done.wait(remaining)
        return True

    def _is_stuck(self) -> bool:
        """Whether a call to the log has lasted for too long."""
        return self._reading_since is not None and self._steady() - self._reading_since >= 0.9 * self.timeout

    # From the thread

    def now(self) -> float:
        return self._steady()

    def in_charge(self) -> bool:
        """Whether the calling thread goes on: the reader is open, and this thread's call did not hang too long."""
        return self._thread is threading.current_thread() and not self._closed

    def await_turn(self, patience: float | None = None) -> bool:
        """Sleep until a read is due. False after `patience` seconds with nothing fresh, or when no longer in charge."""
        began = self._steady()
        with self._lock:
            while self.in_charge():
                now = self._steady()
                if self.is_due(now):
                    if self._traffic > 0 or self._wanted > self._read_from:
                        self._asked = now
                    counts.checks += self._traffic
                    self._traffic = 0
                    self._hinted = _FOREVER
                    return True
                pause = None if patience is None else began + patience - now
                if now < self._good_until:
                    pause = min(self.lease / 4, max(self._hinted, self._failed_until) - now)
                elif pause is not None and pause <= 0:
                    return False
                self._wake.wait(pause)
        return False

    def is_due(self, now: float) -> bool:
        """Whether the log is to be read: somebody waits, there was a hint, or traffic and half the lease is over."""
        if now < self._failed_until:
            return False
        if self._wanted > self._read_from or now >= self._hinted:
            return True
        return self._traffic > 0 and now >= self._read_from + self.lease / 2

    def begin_call(self, *, sequencing: bool = False) -> float | None:
        """Note that a call to the log begins, and when; None if it must not: not in charge, or sequencing pauses."""
        with self._lock:
            now = self._steady()
            if not self.in_charge() or (sequencing and now < self._sequence_from):
                return None
            self._sequencing = sequencing
            self._reading_since = now
            return now

    def end_call(self) -> None:
        """Note that no call is under way. (After a good read, `renew` does.)"""
        with self._lock:
            if self.in_charge():
                self._sequencing, self._reading_since = False, None

    @contextmanager
    def changing(self) -> Iterator[Snapshot | None]:
        """The snapshot, under the lock; None when the calling thread is no longer in charge."""
        with self._lock:
            yield self.snapshot if self.in_charge() else None

    def pause(self) -> None:
        """Sleep for a quarter of the lease, or until somebody wants something."""
        with self._lock:
            self._wake.wait(self.lease / 4)

    def has_read(self) -> bool:
        """Whether there was a good read in this process."""
        return self._read_from > _NEVER

    def renew(self, started: float) -> None:
        """All that had been committed at `started` is in the snapshot: the lease counts from then."""
        with self._lock:
            if not self.in_charge():
                return
            if self.has_read():
                counts.snapshot_ages.append(min(self.lease, self._steady() - self._read_from))
            counts.good_reads += 1
            self._read_from = started
            self._good_until = started + self.lease
            self._reading_since = None
            recovered, self._failing = self._failing, False
            self._done.notify_all()
        if recovered:
            logger.warning("The revocation log can be read again.")

    def put_off_sequencing(self) -> None:
        """It has failed or hung."""
        self._sequence_from = self._steady() + SEQUENCE_PAUSE

    # Failures

    def _record_failure(self) -> bool:
        """Refuse who waits; whether it is the first failure since a good read."""
        self._failures += 1
        counts.failed_reads += 1
        self._failed_until = self._steady() + FAILURE_PAUSE
        self._reading_since = None
        self._wanted = _NEVER
        self._done.notify_all()
        first, self._failing = not self._failing, True
        return first
