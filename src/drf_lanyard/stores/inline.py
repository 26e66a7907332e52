"""Reading the log through the request's own connection, where no other connection can see what was written.

Inside Django's `TestCase` everything happens in one transaction that is never committed, and an in-memory SQLite
database answers a second connection with "table is locked". There the log is read anew at each check, so that a
savepoint that was rolled back takes its revocations with it.
"""

from collections.abc import Sequence
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

from ..core.fleet import Report, describe
from ..core.model import Entry
from ..core.reader import Reader
from ..core.revocation import Snapshot
from .dialect import reads_inline
from .orm_log import read_log

#: In a test, or in memory, the log is short.
EVERYTHING = 10**9


class InlineReader:
    """A `Reader` for tests and in-memory databases; falls back to the real one for everything else.

    Chosen when the service is built, so that production never asks.
    """

    def __init__(self, alias: str, reader: Reader) -> None:
        self._alias = alias
        self._reader = reader
        self.lease = reader.lease

    def fresh(self) -> Snapshot:
        connection = connections[self._alias]
        # Where a test forbids databases, this says so; nothing that we do may evade it.
        with suppress(DatabaseError), connection.cursor():
            pass
        if not reads_inline(connection):
            return self._reader.fresh()
        snapshot = Snapshot()
        snapshot.apply(read_log(connection, 0, page=EVERYTHING))
        return snapshot

    async def afresh(self) -> Snapshot:
        return await sync_to_async(self.fresh)()

    def publish(self, entries: Sequence[Entry]) -> None:
        if not reads_inline(connections[self._alias]):
            self._reader.publish(entries)

    def report(self) -> Report:
        if not reads_inline(connections[self._alias]):
            return self._reader.report()
        return describe(self.fresh(), None, running=0.0, age=0.0, failures=0)

    def close(self) -> None:
        self._reader.close()
