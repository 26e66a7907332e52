"""A second database beside `default`, with the same tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connections

OTHER = "other"


class Lagging:
    """Reads go to a replica that has nothing yet."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return OTHER

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, *args: Any, **hints: Any) -> bool:
        return True


class UsersApart:
    """Users are written elsewhere than the tables of drf-lanyard (and copied by the database, for instance)."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return OTHER if model._meta.app_label == "auth" else None

    def allow_relation(self, *args: Any, **hints: Any) -> bool:
        return True


@contextmanager
def another_database(folder: Path) -> Iterator[str]:
    """An empty SQLite database under the alias that it yields."""
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "other.sqlite3")}
    connections.settings[OTHER] = connections.configure_settings({"default": {}, OTHER: settings})[OTHER]
    connections[OTHER].connect()  # at once: a test case lets nobody connect to what it does not know
    try:
        with connections[OTHER].schema_editor() as editor:
            for model in apps.get_models():
                if model._meta.can_migrate(connections[OTHER]):  # not the proxies of other tests
                    editor.create_model(model)
        yield OTHER
    finally:
        connections[OTHER].close()
        del connections[OTHER]
        del connections.settings[OTHER]


@contextmanager
def another_way(alias: str) -> Iterator[str]:
    """`default` under a second name, as with a pooler and a way around it."""
    connections.settings[alias] = connections.settings["default"]
    connections[alias] = connections["default"]
    try:
        yield alias
    finally:
        del connections[alias]
        del connections.settings[alias]
