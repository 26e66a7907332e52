"""What one turn of the reader's thread does with the log: read to its end, sequence what is new, answer roll calls.

Before each call to the log, and before each change, it asks whether it is still in charge: a thread whose call hung has
been replaced by another one, and a closed reader reads no more.
"""

import logging
from collections.abc import Callable

from .counts import counts
from .fleet import Report, RollCalls
from .freshness import Freshness
from .model import LogRead
from .ports import RevocationLog
from .revocation import read_everything

logger = logging.getLogger("drf_lanyard")


class CatchUp:
    """One turn. Used by the reader's thread alone."""

    def __init__(self, log: RevocationLog, state: Freshness, calls: RollCalls, report: Callable[[], Report]) -> None:
        self._log = log
        self._state = state
        self._calls = calls
        self._report = report

    def turn(self) -> None:
        """Renew the lease, and then do what nobody waits for. Raises whatever the log raises while it is read."""
        last = self._read_to_the_end()
        if last is None:
            return
        if any(entry.position is None for entry in last.entries):
            self._sequence()
        self.answer_calls()

    def _read_to_the_end(self) -> LogRead | None:
        """Read until a page is the last one: what was committed before its read began is then in the snapshot.

        Returns that page; None when this thread is no longer in charge.
        """
        while (started := self._state.begin_call()) is not None:
            page = self._log.read(self._state.snapshot.position)
            if not self._state.in_charge():
                break
            if self._state.snapshot.has_lost(page):
                self._recover()
                continue
            self._note(page, started)
            with self._state.changing() as snapshot:
                if snapshot is None:
                    break
                snapshot.apply(page)
            if page.more_sequenced:
                continue
            if not page.more_unsequenced:
                self._state.renew(started)
                return page
            if not self._log.sequence():  # another process is at it: what it numbers, our next page shows
                self._state.pause()
        return None

    def _note(self, page: LogRead, started: float) -> None:
        counts.read_seconds.append(self._state.now() - started)
        counts.applied += sum((entry.position or 0) > self._state.snapshot.position for entry in page.entries)
        self._calls.hear(page.entries, answers=self._state.has_read())

    def _recover(self) -> None:
        """The database lost commits (failover, restore): give back what only we remember, then read all of it again."""
        stored, floor = read_everything(self._log, lambda: self._state.begin_call() is not None)
        with self._state.changing() as snapshot:
            if snapshot is None:  # then not everything was read
                return
            lost = snapshot.missing_from(stored, floor)
        if lost:
            logger.error("The revocation log has lost %d entries that this process holds; restoring them.", len(lost))
            self._log.restore(lost)
        with self._state.changing() as snapshot:
            if snapshot is not None:
                snapshot.rewind()

    def _sequence(self) -> None:
        """Give positions to new entries. When it fails, another process, or we a little later, will."""
        if self._state.begin_call(sequencing=True) is None:
            return
        try:
            self._log.sequence()
        except Exception as error:
            self._state.put_off_sequencing()
            logger.info("Sequencing the revocation log was put off (%s).", type(error).__name__)
        self._state.end_call()

    def answer_calls(self) -> None:
        """Answer the roll, unless a read is due, which comes first."""
        if self._state.is_due(self._state.now()):
            return
        for call in self._calls.due():
            if self._state.begin_call() is None:
                return
            try:
                self._log.report(call, self._report())
                self._calls.answered(call)
            except Exception as error:  # a busy SQLite, a table that is not there yet: the next read tries again
                logger.info("Answering a roll call was put off (%s).", type(error).__name__)
        self._state.end_call()
