"""Calling the roll of the processes that read the log, and answering. See `core.fleet`."""

import os
import socket
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Q

from ..core.fleet import Report
from ..core.ids import log_uid
from ..models import FleetReport, Revocation
from .dialect import NOW, DatabaseNow, write_transaction

TABLE = FleetReport._meta.db_table
#: Seconds after which what a call that was cut short has left behind is deleted.
FORGOTTEN = 3600.0


def answer(connection: BaseDatabaseWrapper, cursor: CursorWrapper, call: int, report: Report) -> None:
    """Store a report of this process, if the call is open: one statement either way."""
    from importlib.metadata import version  # here, since it is 1 MB for a process that is never asked

    row: dict[str, str | float] = {
        "host": socket.gethostname()[:255],
        "pid": os.getpid(),
        "version": version("drf-lanyard")[:64],
        "running": report.running,
        "age": report.age,
        "position": report.position,
        "dead": report.dead,
        "epochs": report.epochs,
        "failures": report.failures,
        "push": report.push_state[:64],
    }
    names = [connection.ops.quote_name(name) for name in ("call", *row, "reported_at")]
    marks = ", ".join(["%s"] * len(row))
    cursor.execute(
        f"INSERT INTO {TABLE} ({', '.join(names)}) SELECT {names[0]}, {marks}, {NOW[connection.vendor]} "
        f"FROM {TABLE} WHERE {names[0]} = %s AND pid IS NULL",
        [*row.values(), call],
    )


def call_the_roll(alias: str) -> int:
    """Open a call; its id."""
    call = log_uid()
    with write_transaction(alias):
        FleetReport.objects.using(alias).create(call=call, reported_at=DatabaseNow())
        Revocation.objects.using(alias).create(uid=call)
    return call


def answers(alias: str, call: int) -> list[dict[str, Any]]:
    """Who has answered; `after` is in seconds since the call, by the database's clock."""
    rows: list[Any] = list(FleetReport.objects.using(alias).filter(call=call).order_by("host", "pid").values())
    called_at = next(row["reported_at"] for row in rows if row["pid"] is None)
    return [
        {name: row[name] for name in row if name not in ("id", "call", "reported_at")}
        | {"after": max(0.0, row["reported_at"] - called_at)}
        for row in rows
        if row["pid"] is not None
    ]


def end_call(alias: str, call: int) -> None:
    """Nobody answers it any more, and the answers are deleted."""
    over = Q(call=call) | Q(reported_at__lt=DatabaseNow() - FORGOTTEN)
    FleetReport.objects.using(alias).filter(over).delete()
