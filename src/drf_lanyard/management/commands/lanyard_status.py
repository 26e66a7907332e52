"""`manage.py lanyard_status`: how the log and the sessions are, and the settings in force, without a secret."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections
from django.db.models import Count, Min, Q

from drf_lanyard.conf import Settings, get_settings
from drf_lanyard.models import Revocation, RevocationHead, Session, UserEpoch
from drf_lanyard.stores.dialect import DatabaseNow
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
    "cookie",
    "api_token",
}


class Command(BaseCommand):
    help = "Show the state of the revocation log and of the sessions, and the settings in force (no secrets)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        status = {"database": database(), "log": log(), "sessions": sessions(), "settings": describe(get_settings())}
        self.stdout.write(json.dumps(status, indent=2) if options["json"] else "\n".join(_lines(status)))


def database() -> dict[str, Any]:
    """Where the tables are."""
    connection = connections[alias()]
    return {"alias": alias(), "vendor": connection.vendor}


def log() -> dict[str, Any]:
    """`unsequenced` stays above 0 only while no process reads; `forgettable` says that `lanyard_prune` does not run."""
    entries = Revocation.objects.using(alias())
    counts = entries.aggregate(
        length=Count("id"),
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
        lines += [f"  {name}: {_text(value)}" for name, value in values.items()]
    return lines


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
