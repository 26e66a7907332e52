"""The few expressions that databases spell differently, and transactions that lock at their start."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

#: The database's clock in Unix seconds: never the start of a transaction, never a time zone's idea of it.
NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::double precision",
    "mysql": "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}

#: 1 where the server is a standby: what it says may be behind the primary, which counts as an outage.
IS_STANDBY = {
    "postgresql": "CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END",
    "mysql": "CASE WHEN CAST(@@global.read_only AS CHAR) IN ('0', 'OFF') THEN 0 ELSE 1 END",
    "sqlite": "0",
}


class DatabaseNow(models.Func):
    """The database's clock, as an expression for queries."""

    output_field = models.FloatField()
    arity = 0

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **extra: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        return NOW[connection.vendor], ()


@contextmanager
def write_transaction(alias: str) -> Iterator[None]:
    """`atomic` that, on SQLite, takes the write lock at once: a deferred one fails when it turns to writing."""
    connection = connections[alias]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        with transaction.atomic(using=alias):
            yield
        return
    with immediate(connection), transaction.atomic(using=alias):
        yield


@contextmanager
def immediate(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let the next transaction on an SQLite connection begin as BEGIN IMMEDIATE."""
    connection.ensure_connection()  # opening one sets the attribute
    before = getattr(connection, "transaction_mode", None)
    connection.transaction_mode = "IMMEDIATE"  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.transaction_mode = before  # type: ignore[attr-defined]


def upsert_epochs(
    connection: BaseDatabaseWrapper, table: str, values: list[Any], *, to: list[int] | None = None
) -> None:
    """Raise users' epochs by one, or to at least `to`, inserting rows that are missing. One statement, in key order."""
    quoted = connection.ops.quote_name(table)
    if connection.vendor == "mysql":
        new = "epoch + 1" if to is None else "GREATEST(epoch, VALUES(epoch))"
        conflict = f"ON DUPLICATE KEY UPDATE epoch = {new}"
    else:
        greatest = "GREATEST" if connection.vendor == "postgresql" else "MAX"
        new = f"{quoted}.epoch + 1" if to is None else f"{greatest}({quoted}.epoch, excluded.epoch)"
        conflict = f"ON CONFLICT (user_id) DO UPDATE SET epoch = {new}"
    rows = ", ".join(["(%s, %s)"] * len(values))
    params = [value for pair in zip(values, to or [1] * len(values), strict=True) for value in pair]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quoted} (user_id, epoch) VALUES {rows} {conflict}", params)


def reads_inline(connection: BaseDatabaseWrapper) -> bool:
    """Whether the log must be read on this connection: no other sees what a test, or an in-memory SQLite, holds."""
    if any(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        return True
    return connection.vendor == "sqlite" and connection.is_in_memory_db()  # type: ignore[attr-defined]
