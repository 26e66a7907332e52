"""`manage.py lanyard_triggers`: revocation for what sends no signal, by triggers on the user's tables."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, router

from drf_lanyard.conf import get_settings
from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.stores import triggers
from drf_lanyard.stores.push import is_postgres
from drf_lanyard.stores.push_postgres import CHANNEL
from drf_lanyard.stores.trigger_sql import Trigger
from drf_lanyard.wiring import alias


class Command(BaseCommand):
    help = (
        "Database triggers that revoke when a password or is_active changes, or a user is deleted, by what sends no "
        "signal: QuerySet.update(), bulk_update(), raw SQL, other programs. `status` fails unless all are current."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["install", "remove", "status"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        database = _database()
        try:
            wanted = triggers.wanted(database, _channel())
            before = triggers.states(database, wanted)
            if action == "install":
                self._install(database, wanted, before)
            elif action == "remove":
                self._remove(database, wanted, before)
            else:
                self._status(wanted, before)
        except ConfigurationError as error:
            raise CommandError(f"Triggers cannot be used: {error}") from None
        except DatabaseError as error:
            raise CommandError(f"The database refuses. {_reason(error)}") from None

    def _install(self, database: str, wanted: list[Trigger], before: dict[str, triggers.State]) -> None:
        said = {"installed": "is current", "missing": "installed", "outdated": "replaced"}
        triggers.install(database, [one for one in wanted if before[one.watch.name] != "installed"])
        self._tell(wanted, {name: said[state] for name, state in before.items()})

    def _remove(self, database: str, wanted: list[Trigger], before: dict[str, triggers.State]) -> None:
        triggers.remove(database, wanted)
        self._tell(wanted, {name: "was missing" if state == "missing" else "removed" for name, state in before.items()})

    def _status(self, wanted: list[Trigger], before: dict[str, triggers.State]) -> None:
        self._tell(wanted, before)
        if set(before.values()) != {"installed"}:
            raise CommandError("Run lanyard_triggers install.")

    def _tell(self, wanted: list[Trigger], said: dict[str, Any]) -> None:
        for trigger in wanted:
            self.stdout.write(f"{trigger.watch.name} on {trigger.watch.table}: {said[trigger.watch.name]}")


def _database() -> str:
    ours, users = alias(), router.db_for_write(get_user_model())
    if ours != users:
        raise CommandError(
            f"Triggers cannot write from one database into another: users are in {users!r}, "
            f"the revocation log is in {ours!r}."
        )
    return ours


def _channel() -> str:
    url = get_settings().push_url
    return CHANNEL if url is not None and is_postgres(url) else ""


def _reason(error: DatabaseError) -> str:
    """What the server said, and what to do where it does not say."""
    text = str(error.args[-1]).strip() if error.args else type(error).__name__
    if error.args[:1] == (1419,):
        return f"{text} Let its administrator install them, or set log_bin_trust_function_creators."
    return text
