"""`manage.py lanyard_status`: how the log and the sessions are, and the settings in force, without a secret.

With `--fleet` it calls the roll of the processes that read the log.
"""

import json
import math
import time
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections
from django.db.models import Count, Min, Q

from drf_lanyard.conf import Settings, get_settings
from drf_lanyard.models import Revocation, RevocationHead, Session, UserEpoch
from drf_lanyard.stores.dialect import DatabaseNow
from drf_lanyard.stores.fleet import answers, call_the_roll, end_call
from drf_lanyard.stores.push import is_postgres
from drf_lanyard.wiring import alias

#: Shown by hand, or not at all.
_APART = {
    "policy",
    "keys",
    "refresh_secrets",
    "throttle",
    "claims",
    "user_serializer",
    "push_url",
    "push_keys",
    "cookie",
    "api_token",
}
#: Whom `--fleet` does not list.
_SILENT = "Who has no requests does not read, and does not answer; it reads before it accepts anything."


class Command(BaseCommand):
    help = "Show the state of the revocation log and of the sessions, and the settings in force (no secrets)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--fleet", action="store_true", help="ask every process that reads the log how it does")
        parser.add_argument(
            "--wait", type=_seconds, metavar="SECONDS", help="how long --fleet waits (default: LEASE and one second)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        settings = get_settings()
        status = {
            "database": database(),
            "log": log(),
            "sessions": sessions(),
            "push": push(settings),
            "settings": describe(settings),
        }
        if options["fleet"]:
            status["fleet"] = fleet(settings.policy.lease + 1.0 if options["wait"] is None else options["wait"])
        self.stdout.write(json.dumps(status, indent=2) if options["json"] else "\n".join(_lines(status)))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ArgumentTypeError("must be more than 0")
    return seconds


def database() -> dict[str, Any]:
    """Where the tables are."""
    connection = connections[alias()]
    return {"alias": alias(), "vendor": connection.vendor}


def log() -> dict[str, Any]:
    """`unsequenced` stays above 0 only while no process reads; `forgettable` says that `lanyard_prune` does not run."""
    entries = Revocation.objects.using(alias())
    counts = entries.aggregate(
        length=Count("id"),
        credentials=Count("id", filter=~Q(credential="")),
        users=Count("id", filter=~Q(subject="")),
        unsequenced=Count("id", filter=Q(position=None)),
        forgettable=Count("id", filter=Q(forget_at__lte=DatabaseNow())),
        oldest=Min("position"),
        forgets_next=Min("forget_at"),
    )
    head = RevocationHead.objects.using(alias()).filter(pk=1).first() or RevocationHead()
    moment = counts.pop("forgets_next")
    next_at = None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
    return {**counts, "position": head.position, "floor": head.floor, "forgets_next": next_at}


def sessions() -> dict[str, Any]:
    rows = Session.objects.using(alias())
    return {
        "stored": rows.count(),
        "live": rows.live().count(),
        "users_with_epochs": UserEpoch.objects.using(alias()).count(),
    }


def push(settings: Settings) -> dict[str, Any]:
    """What pushes, as its kind; with PostgreSQL's NOTIFY, how full its queue is (0 to 1; full, commits fail)."""
    kind = None if settings.push_url is None else settings.push_url.partition(":")[0]
    if kind is None or not is_postgres(kind):
        return {"kind": kind}
    with connections[alias()].cursor() as cursor:
        cursor.execute("SELECT pg_notification_queue_usage()")
        return {"kind": kind, "queue_usage": cursor.fetchone()[0]}


def fleet(wait: float) -> dict[str, Any]:
    """Call the roll and wait for answers, in seconds."""
    call = call_the_roll(alias())
    try:
        time.sleep(wait)
        return {"waited": wait, "processes": answers(alias(), call)}
    finally:
        end_call(alias(), call)


def describe(settings: Settings) -> dict[str, Any]:
    """The settings as JSON; of a key its id, and of what may hold a password only that it is set."""
    plain = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name not in _APART}
    return {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()},
        **asdict(settings.policy),
        "keys": [f"{key.kid} ({key.algorithm})" for key in settings.keys.keys],
        "secret_keys": len(settings.refresh_secrets),
        "throttle": {name: None if rate is None else str(rate) for name, rate in _rates(settings)},
        "claims": _name(settings.claims),
        "user_serializer": _name(settings.user_serializer),
        "push_url": None if settings.push_url is None else settings.push_url.partition(":")[0],
        "cookie": asdict(settings.cookie),
        "api_token": asdict(settings.api_token),
    }


def _rates(settings: Settings) -> list[tuple[str, Any]]:
    return [(field.name, getattr(settings.throttle, field.name)) for field in fields(settings.throttle)]


def _name(value: Any) -> str | None:
    return None if value is None else f"{value.__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _lines(status: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for section, values in status.items():
        lines.append(section)
        if section == "fleet":
            lines += [f"  {line}" for line in _fleet_lines(**values)]
        else:
            lines += [f"  {name}: {_text(value)}" for name, value in values.items()]
    return lines


def _fleet_lines(waited: float, processes: list[dict[str, Any]]) -> list[str]:
    how_many = f"{len(processes) or 'no'} {'process' if len(processes) < 2 else 'processes'}"
    lines = [f"{how_many} answered within {waited:g} s. {_SILENT}"]
    if processes:
        table = [list(processes[0]), *([_cell(value) for value in one.values()] for one in processes)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return lines


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value) or "-"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
