"""The reading side of the revocation log, on its own connection. The contract is `core.ports.RevocationLog`.

Auto-increment ids are not in commit order, so entries are inserted without a position and readers number them: under
the lock of the single head row, in a READ COMMITTED transaction of their own, by primary key.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseError

from ..core.errors import StoreUnavailable
from ..core.fleet import Report
from ..core.model import Entry, LogRead
from ..models import Revocation, RevocationHead
from .dialect import IS_STANDBY, NOW, reads_inline
from .fleet import answer
from .orm_restore import restore_entries
from .private import PrivateConnection, is_disconnect, quiet_cursor

LOG = Revocation._meta.db_table
HEAD = RevocationHead._meta.db_table
T = TypeVar("T")
#: How many entries of each kind one read returns, and one sequencing transaction numbers.
PAGE = 5000
#: How many rows one statement that writes names.
BATCH = 500
#: READ COMMITTED, whatever the session's default is. (On MariaDB the connection was opened so.)
BEGIN = {
    "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED",
    "mysql": "BEGIN",
    "sqlite": "BEGIN IMMEDIATE",
}


class OrmLog:
    """Reads and sequences the log. One thread at a time, but for `interrupt`."""

    def __init__(self, alias: str, *, timeout: float, retention: float) -> None:
        self._private = PrivateConnection(alias, timeout)
        self._retention = retention

    def read(self, position: int) -> LogRead:
        was_open, interruptions = self._private.is_open(), self._private.interruptions
        try:
            return self._private.run(lambda connection: read_log(connection, position, PAGE))
        except DatabaseError as error:
            if not was_open or not is_disconnect(error) or interruptions != self._private.interruptions:
                raise
        # An idle connection may have been ended by the server: once more, on a new one.
        return self._private.run(lambda connection: read_log(connection, position, PAGE))

    def sequence(self) -> int:
        return self._private.run(lambda connection: sequence_log(connection, self._retention))

    def restore(self, entries: Sequence[Entry]) -> None:
        for batch in batches(entries):
            self._private.run(lambda connection, batch=batch: self._restore(connection, batch))  # type: ignore[misc]

    @staticmethod
    def _restore(connection: BaseDatabaseWrapper, entries: Sequence[Entry]) -> None:
        with own_transaction(connection), quiet_cursor(connection) as cursor:
            restore_entries(connection, cursor, entries)

    def report(self, call: int, report: Report) -> None:
        self._private.run(lambda connection: self._report(connection, call, report))

    @staticmethod
    def _report(connection: BaseDatabaseWrapper, call: int, report: Report) -> None:
        with own_transaction(connection), quiet_cursor(connection) as cursor:
            answer(connection, cursor, call, report)

    def interrupt(self) -> None:
        self._private.interrupt()

    def rest(self) -> None:
        self._private.drop()

    def park(self) -> None:
        self._private.park()


def read_log(connection: BaseDatabaseWrapper, position: int, page: int = PAGE) -> LogRead:
    """One statement: the floor, what there is from `position` on, what has no position; at most `page` of each.

    UNION ALL, since a disjunction makes SQLite scan the index. Raises `StoreUnavailable` on a standby.
    """
    columns = "uid, position, credential, subject, epoch, ends_sessions"
    sequenced = f"SELECT {columns} FROM {LOG} WHERE position >= %s ORDER BY position LIMIT %s"
    unsequenced = f"SELECT {columns} FROM {LOG} WHERE position IS NULL LIMIT %s"
    statement = (
        f"SELECT NULL AS uid, (SELECT floor FROM {HEAD} WHERE id = 1) AS position, NULL AS credential, "
        f"NULL AS subject, {IS_STANDBY[connection.vendor]} AS epoch, NULL AS ends_sessions "
        f"UNION ALL SELECT * FROM ({sequenced}) AS numbered UNION ALL SELECT * FROM ({unsequenced}) AS waiting"
    )
    with quiet_cursor(connection) as cursor:
        cursor.execute(statement, [position, page, page])
        rows = cursor.fetchall()
    # The head's row is the only one without a uid; the database may return it anywhere.
    head = next(row for row in rows if row[0] is None)
    if head[4]:
        raise StoreUnavailable("The database is a standby.")
    entries = tuple(_entry(*row) for row in rows if row[0] is not None)
    waiting = sum(entry.position is None for entry in entries)
    return LogRead(
        entries=entries,
        floor=head[1] or 0,
        more_sequenced=len(entries) - waiting >= page,
        more_unsequenced=waiting >= page,
    )


def _entry(uid: int, position: int | None, credential: str, subject: str, epoch: int, ends_sessions: bool) -> Entry:
    return Entry(
        uid=uid,
        position=position,
        credential=int(credential, 16) if credential else None,
        subject=subject or None,
        epoch=epoch,
        ends_sessions=bool(ends_sessions),
    )


def sequence_log(connection: BaseDatabaseWrapper, retention: float) -> int:
    """Number entries that have no position, and set when they may be forgotten; how many. 0 if the head is busy."""
    with own_transaction(connection), quiet_cursor(connection) as cursor:
        position = _lock_head(connection, cursor, skip_locked=True)
        if position is None:
            return 0
        cursor.execute(f"SELECT id FROM {LOG} WHERE position IS NULL ORDER BY id LIMIT {PAGE}")
        ids = [row[0] for row in cursor.fetchall()]
        for batch in batches(ids):
            _number(cursor, batch, position, NOW[connection.vendor], retention)
            position += len(batch)
        if ids:
            cursor.execute(f"UPDATE {HEAD} SET position = %s WHERE id = 1", [position])
        return len(ids)


def _number(cursor: CursorWrapper, ids: list[int], position: int, now: str, retention: float) -> None:
    """Number rows by primary key: anything wider would wait, on MariaDB, for every open transaction that revokes."""
    cases = " ".join(["WHEN %s THEN %s"] * len(ids))
    numbers = [value for offset, key in enumerate(ids, start=1) for value in (key, position + offset)]
    marks = ", ".join(["%s"] * len(ids))
    cursor.execute(
        f"UPDATE {LOG} SET position = CASE id {cases} END, forget_at = {now} + %s WHERE id IN ({marks})",
        [*numbers, retention, *ids],
    )


def batches(items: Sequence[T]) -> Iterator[list[T]]:
    """As many at a time as one statement names."""
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])


def prune(alias: str, batch: int, *, timeout: float = 2.0) -> int:
    """Forget up to `batch` entries whose time is over, oldest first; how many. The floor rises with them."""
    if reads_inline(connections[alias]):
        return prune_log(connections[alias], batch)
    private = PrivateConnection(alias, timeout)
    try:
        return private.run(lambda connection: prune_log(connection, batch))
    finally:
        private.drop()


def prune_log(connection: BaseDatabaseWrapper, batch: int) -> int:
    with own_transaction(connection, waits=True), quiet_cursor(connection) as cursor:
        if _lock_head(connection, cursor, skip_locked=False) is None:
            return 0
        cursor.execute(
            f"SELECT position, forget_at <= {NOW[connection.vendor]}, id FROM {LOG} "
            "WHERE position IS NOT NULL ORDER BY position LIMIT %s",
            [batch],
        )
        over = [(position, key) for position, _, key in takewhile(lambda row: row[1], cursor.fetchall())]
        if over:
            cursor.execute(f"UPDATE {HEAD} SET floor = %s WHERE id = 1", [over[-1][0]])
            # One by one and by primary key: MariaDB waits for every row that it looks at.
            cursor.executemany(f"DELETE FROM {LOG} WHERE id = %s", [[key] for _, key in over])
        return len(over)


@contextmanager
def own_transaction(connection: BaseDatabaseWrapper, *, waits: bool = False) -> Iterator[None]:
    """BEGIN … COMMIT on a connection that `django.db.transaction` does not know; joins a test's transaction.

    On SQLite it takes the write lock at once. Unless it `waits`, a busy writer makes it raise `OperationalError`.
    """
    if connection.in_atomic_block:
        yield
        return
    sqlite = connection.vendor == "sqlite"
    if sqlite and not waits:
        _execute(connection, "PRAGMA busy_timeout = 0")
    try:
        _execute(connection, BEGIN[connection.vendor])
        if not waits:
            _lose_patience(connection)
        try:
            yield
            _execute(connection, "COMMIT")
        except BaseException:  # SQLite refuses to commit beside a reader, and would keep its lock
            _execute(connection, "ROLLBACK")
            raise
    finally:
        if sqlite and not waits:
            timeout = connection.settings_dict["OPTIONS"].get("timeout", 5)
            _execute(connection, f"PRAGMA busy_timeout = {int(timeout * 1000)}")


def _lose_patience(connection: BaseDatabaseWrapper) -> None:
    """For sequencing: a row or a table that somebody else has locked can wait, the next read cannot."""
    if connection.vendor == "postgresql":
        _execute(connection, "SET LOCAL lock_timeout = '100ms'")
    elif connection.vendor == "mysql":
        # Seconds; with 0, InnoDB fails where it otherwise looks at the committed version of a locked row and goes on.
        _execute(connection, "SET innodb_lock_wait_timeout = 1, lock_wait_timeout = 1")


def _execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with quiet_cursor(connection) as cursor:
        cursor.execute(statement)


def _lock_head(connection: BaseDatabaseWrapper, cursor: CursorWrapper, *, skip_locked: bool) -> int | None:
    """Lock the head row, making it if it is gone; the highest position given out, or None if another holds the lock."""
    locking = ""
    if connection.features.has_select_for_update:
        locking = " FOR UPDATE"
        if skip_locked and connection.features.has_select_for_update_skip_locked:
            locking = " FOR UPDATE SKIP LOCKED"
    for _ in range(2):
        cursor.execute(f"SELECT position FROM {HEAD} WHERE id = 1{locking}")
        if (row := cursor.fetchone()) is not None:
            position: int = row[0]
            return position
        cursor.execute(f"SELECT 1 FROM {HEAD} WHERE id = 1")
        if cursor.fetchone() is not None:
            return None
        _make_head(connection, cursor)
    return None


def _make_head(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    """A flush deletes the row; numbering goes on from the highest position there is."""
    insert, ignore = ("INSERT IGNORE", "") if connection.vendor == "mysql" else ("INSERT", " ON CONFLICT DO NOTHING")
    highest = f"SELECT 1, COALESCE(MAX(position), 0), 0 FROM {LOG} WHERE true"
    cursor.execute(f"{insert} INTO {HEAD} (id, position, floor) {highest}{ignore}")
