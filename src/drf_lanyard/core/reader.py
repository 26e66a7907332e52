"""Keeps one process's snapshot fresh, and refuses when it cannot.

One daemon thread per process reads the log. It starts at the first request that needs it (never at import: it would not
survive a pre-forking server), reads again when half the lease is over and there was traffic, and otherwise sleeps.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Iterable, Sequence
from os import getpid  # by its own name: one look-up less at every check

from . import forks
from .counts import counts
from .errors import StoreUnavailable
from .fleet import Report, RollCalls, describe
from .follower import Follower
from .model import Entry, LogRead
from .ports import Clock, RevocationLog
from .revocation import Snapshot, read_everything

logger = logging.getLogger("drf_lanyard")

#: After a failed read, requests are refused at once for this many seconds instead of queueing on a dead database.
FAILURE_PAUSE = 0.1
#: An idle process lets go of its connection after this many seconds.
IDLE_SECONDS = 30.0
#: After sequencing failed or hung, reads go on without it for this many seconds.
SEQUENCE_PAUSE = 5.0
_NEVER = float("-inf")
_FOREVER = float("inf")


class Reader:
    """Hands out a snapshot that is at most `lease` seconds old, or raises `StoreUnavailable`.

    A request proceeds when `now < start of the last good read + lease`, or when a read that started after the request
    arrived has finished. It waits at most `timeout` seconds.
    """

    def __init__(
        self, log: RevocationLog, *, lease: float, timeout: float, clock: Clock, push: Follower | None = None
    ) -> None:
        self.snapshot = Snapshot()
        self.log = log
        self.push = push
        self.lease = lease
        self.timeout = timeout
        self._steady = clock.steady
        self._closed = False
        self._start_afresh()
        forks.watch(self)

    def _start_afresh(self) -> None:
        self._pid = getpid()
        self._began = self._steady()
        self._calls = RollCalls()
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # the thread waits here
        self._done = threading.Condition(self._lock)  # requests wait here
        self._thread: threading.Thread | None = None
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

    def add(self, entries: Iterable[Entry]) -> None:
        """Apply committed entries without waiting for the next read.

        Where nothing is fresh or being read, a read comes before the next decision, and there is nothing to add to: a
        process that only revokes would hold what it never forgets.
        """
        with self._lock:
            if self._reading_since is not None or self._steady() < self._good_until:
                self.snapshot.add(entries)

    def publish(self, entries: Sequence[Entry]) -> None:
        """Entries that this process has committed: apply them here, and tell the other processes."""
        self.add(entries)
        if self.push is not None:
            self.push.send(entries)

    def hint(self) -> None:
        """Something has died, and it was not said what: read soon, and not all processes at once.

        Where nothing is fresh or being read, a read comes before the next decision anyway. A read that is hinted at
        already serves later hints too.
        """
        with self._lock:
            now = self._steady()
            if self._hinted == _FOREVER and (self._reading_since is not None or now < self._good_until):
                self._hinted = now + random.uniform(0, self.lease / 4)
                self._wake.notify()

    def report(self) -> Report:
        """How this process follows the log; asks nobody."""
        now = self._steady()
        running, age = now - self._began, now - self._read_from
        return describe(self.snapshot, self.push, running=running, age=age, failures=self._failures)

    def close(self) -> None:
        """Let the thread end. Requests that still come are refused."""
        with self._lock:
            self._closed = True
            self._good_until = _NEVER
            self._wake.notify_all()
            self._done.notify_all()

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
            self.after_fork()
        with self._lock:
            if self._closed or arrived < self._failed_until:
                raise StoreUnavailable
            self._wanted = max(self._wanted, arrived)
            self._ensure_thread()
            self._wake.notify()
            served = self._await_read(arrived)
            outage = None if served else self._abandon_stuck_call()
        if not served:
            self._tell(outage)
            raise StoreUnavailable
        return self.snapshot

    def _await_read(self, arrived: float) -> bool:
        """Whether a read came in time that may serve a request of that arrival."""
        failures = self._failures
        while not (self._read_from >= arrived or self._steady() < self._good_until):
            remaining = arrived + self.timeout - self._steady()
            if self._closed or self._failures != failures or remaining <= 0:
                return False
            self._done.wait(remaining)
        return True

    def _ensure_thread(self) -> None:
        if self._closed or (self._thread is not None and self._thread.is_alive()):
            return
        thread = threading.Thread(target=self._run, name="drf-lanyard-reader", daemon=True)
        try:
            thread.start()  # it waits for the lock that we hold
        except RuntimeError:  # no more threads to be had
            raise StoreUnavailable from None
        self._thread = thread

    def _abandon_stuck_call(self) -> str | None:
        """A hung server ignores every timeout of its own: cut the call off and let another thread begin anew."""
        since = self._reading_since
        if since is None or self._steady() - since < 0.9 * self.timeout:
            return None
        if self._sequencing:
            self._sequencing = False
            self._sequence_from = self._steady() + SEQUENCE_PAUSE
        self._thread = None
        self.log.interrupt()
        return self._record_failure("the database hangs")

    # The thread

    def _run(self) -> None:
        me = threading.current_thread()
        while self._await_turn(me):
            if self.push is not None:
                self.push.follow(self)
            self._read(me)
        if self._thread is me:
            self._rest()

    def _rest(self) -> None:
        """Let go of the connections."""
        if self.push is not None:
            self.push.rest()
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
                    counts.checks += self._traffic
                    self._traffic = 0
                    self._hinted = _FOREVER
                    return True
                if now < self._good_until:
                    self._wake.wait(min(self.lease / 4, max(self._hinted, self._failed_until) - now))
                elif resting:
                    self._wake.wait()
                elif now - idle_since >= IDLE_SECONDS:
                    resting = True
                    self._lock.release()
                    try:
                        self._rest()
                    finally:
                        self._lock.acquire()
                else:
                    self._wake.wait(IDLE_SECONDS - (now - idle_since))

    def _is_due(self, now: float) -> bool:
        if now < self._failed_until:
            return False
        if self._wanted > self._read_from or now >= self._hinted:
            return True
        return self._traffic > 0 and now >= self._read_from + self.lease / 2

    def _read(self, me: threading.Thread) -> None:
        outage = None
        try:
            self._read_pages(me)
        except Exception as error:  # whatever it is, it means that we do not know what is revoked
            with self._lock:
                if self._thread is me:
                    outage = self._record_failure(type(error).__name__)
        self._tell(outage)
        counts.changed(self)

    def _read_pages(self, me: threading.Thread) -> None:
        """Read until a page is the last one: what was committed before its read began is then in the snapshot."""
        while (started := self._begin_call(me)) is not None:
            read = self.log.read(self.snapshot.position)
            if self._thread is not me:
                return
            if self.snapshot.has_lost(read):
                self._recover(me)
                continue
            self._note_page(read, started)
            with self._lock:
                if self._thread is not me or self._closed:
                    return
                self.snapshot.apply(read)
            if read.more_sequenced:
                continue
            if not read.more_unsequenced:
                self._publish(me, started)
                if any(entry.position is None for entry in read.entries):
                    self._sequence(me)
                self._answer_calls(me)
                return
            if not self.log.sequence():  # another process is at it: what it numbers, our next page shows
                with self._lock:
                    self._wake.wait(self.lease / 4)

    def _begin_call(self, me: threading.Thread) -> float | None:
        """Note that a call to the log begins; None when this thread is to end."""
        with self._lock:
            if self._thread is not me or self._closed:
                return None
            self._reading_since = self._steady()
            return self._reading_since

    def _publish(self, me: threading.Thread, started: float) -> None:
        with self._lock:
            if self._thread is not me or self._closed:
                return
            if self._read_from > _NEVER:
                counts.snapshot_ages.append(min(self.lease, self._steady() - self._read_from))
            counts.good_reads += 1
            self._read_from = started
            self._good_until = started + self.lease
            self._reading_since = None
            recovered, self._failing = self._failing, False
            self._done.notify_all()
        if recovered:
            logger.warning("The revocation log can be read again.")

    def _sequence(self, me: threading.Thread) -> None:
        """Give positions to new entries. Nobody waits for it, and a read that is due comes first when it fails."""
        if self._steady() < self._sequence_from or self._begin_call(me) is None:
            return
        self._sequencing = True
        try:
            self.log.sequence()
        except Exception as error:  # another process, or we a little later, will
            self._sequence_from = self._steady() + SEQUENCE_PAUSE
            logger.info("Sequencing the revocation log was put off (%s).", type(error).__name__)
        with self._lock:
            if self._thread is me:
                self._sequencing, self._reading_since = False, None

    def _note_page(self, read: LogRead, started: float) -> None:
        counts.read_seconds.append(self._steady() - started)
        counts.applied += sum((entry.position or 0) > self.snapshot.position for entry in read.entries)
        self._calls.hear(read.entries, answers=self._read_from > _NEVER)

    def _answer_calls(self, me: threading.Thread) -> None:
        """Answer the roll. Nobody waits for it, and a read that is due comes first."""
        if self._is_due(self._steady()) or not (calls := self._calls.due()):
            return
        for call in calls:
            if self._begin_call(me) is None:
                return
            try:
                self.log.report(call, self.report())
                self._calls.answered(call)
            except Exception as error:  # a busy SQLite, a table that is not there yet: the next read tries again
                logger.info("Answering a roll call was put off (%s).", type(error).__name__)
        with self._lock:
            if self._thread is me:
                self._reading_since = None

    def _recover(self, me: threading.Thread) -> None:
        """The database lost commits (failover, restore): give back what only we remember, then read all of it again."""
        stored, floor = read_everything(self.log, lambda: self._begin_call(me) is not None)
        with self._lock:
            lost = self.snapshot.missing_from(stored, floor) if self._thread is me else []
        if lost:
            logger.error("The revocation log has lost %d entries that this process holds; restoring them.", len(lost))
            self.log.restore(lost)
        with self._lock:
            if self._thread is me:
                self.snapshot.rewind()

    def _record_failure(self, why: str) -> str | None:
        """Note a failure, and return what is to be logged once the lock is free (a handler may be slow)."""
        self._failures += 1
        counts.failed_reads += 1
        self._failed_until = self._steady() + FAILURE_PAUSE
        self._reading_since = None
        self._wanted = _NEVER
        self._done.notify_all()
        first, self._failing = not self._failing, True
        return why if first else None

    @staticmethod
    def _tell(outage: str | None) -> None:
        if outage is not None:
            logger.error("The revocation log cannot be read (%s); requests are refused once the lease is over.", outage)

    # Forks

    def after_fork(self) -> None:
        """In a child: new locks (the parent's may be held), no thread, nothing fresh, the connection set aside."""
        if getpid() == self._pid:
            return
        self._start_afresh()
        self.log.park()
