"""The databases that tests run on: where they are, and swapping DATABASES["default"] in this process.

Importing this module must not need Django's settings to be configured.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .servers import STARTERS, Server, Unavailable

#: What a database test runs on unless it is limited by the `databases` mark.
DEFAULT = ("sqlite", "postgres", "mariadb")
#: On request only: SQLite in memory, the way many projects run their tests.
SQLITE_MEMORY = "sqlite-memory"
ENGINES = {"postgres": "django.db.backends.postgresql", "mariadb": "django.db.backends.mysql"}
#: Seconds that SQLite waits for another connection's lock.
SQLITE_TIMEOUT = 20


def selected(chosen: list[str] | None, wanted: tuple[str, ...]) -> list[str]:
    """The databases of `wanted` that the command line allows; `--db sqlite` includes SQLite in memory."""
    allowed = set(chosen or DEFAULT)
    if "sqlite" in allowed:
        allowed.add(SQLITE_MEMORY)
    return [name for name in wanted if name in allowed]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDatabase:
    """One database that exists while the tests of its turn run."""

    __test__ = False

    #: sqlite, postgres, mariadb or sqlite-memory.
    name: str
    #: DATABASES["default"] as it is now: the real, already created test database.
    settings: dict[str, Any]
    #: The server behind it, for tests that stop or freeze one; None for SQLite and when a parent process runs it.
    server: Server | None = None

    def environment(self) -> dict[str, str]:
        """The environment of a subprocess that shall use the same test database through tests.settings."""
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "tests.settings")
        return {**os.environ, "LANYARD_TEST_DATABASE": json.dumps(self.settings), "DJANGO_SETTINGS_MODULE": module}


class Databases:
    """Servers started on first use and kept for the whole run, or those of a parent process (LANYARD_TEST_SERVERS)."""

    def __init__(self, folder: Path, prefix: str = "lanyard") -> None:
        self.folder = folder
        self.prefix = prefix
        self.inherited: dict[str, dict[str, Any]] = json.loads(os.environ.get("LANYARD_TEST_SERVERS", "{}"))
        self.servers: dict[str, Server] = {}
        self.failures: dict[str, str] = {}

    def settings(self, name: str) -> dict[str, Any]:
        """DATABASES["default"] for this database before its test database exists. Raises Unavailable."""
        if name == SQLITE_MEMORY:
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "TEST": {"NAME": None}}
        if name == "sqlite":
            path = str(self.folder / f"{self.prefix}.sqlite3")
            options = {"timeout": SQLITE_TIMEOUT}
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": path,
                "OPTIONS": options,
                "TEST": {"NAME": path},
            }
        address = self.inherited.get(name) or self.address(self.start(name))
        return {"ENGINE": ENGINES[name], "NAME": self.prefix, "TEST": {"NAME": f"test_{self.prefix}"}, **address}

    def start(self, name: str) -> Server:
        """The running server of that name. Raises Unavailable, each time with the first failure's reason."""
        if name in self.failures:
            raise Unavailable(self.failures[name])
        if name not in self.servers:
            try:
                self.servers[name] = STARTERS[name](self.folder)
            except Unavailable as error:
                self.failures[name] = str(error)
                raise
        return self.servers[name]

    @staticmethod
    def address(server: Server) -> dict[str, Any]:
        return {"HOST": server.host, "PORT": server.port, "USER": server.user, "PASSWORD": server.password}

    def environment(self) -> dict[str, str]:
        """What a pytest in a subprocess needs to create its own test databases on the servers that run here."""
        addresses = {name: self.address(server) for name, server in self.servers.items()}
        return {**os.environ, "LANYARD_TEST_SERVERS": json.dumps({**self.inherited, **addresses})}

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()


def use(settings_dict: dict[str, Any]) -> None:
    """Make this DATABASES["default"], for the threads to come as well; everything cached about the old one goes."""
    from django.conf import settings
    from django.db import connections

    connections.close_all()
    for wrapper in connections.all(initialized_only=True):
        if wrapper.connection is not None:  # close() leaves SQLite in memory open; this one is dropped for good
            wrapper.connection.close()
    settings.DATABASES["default"] = settings_dict
    connections.settings["default"] = connections.configure_settings({"default": settings_dict})["default"]
    with suppress(AttributeError):  # this thread has no connection yet
        del connections["default"]
    announce()


def announce() -> None:
    """Tell whoever keeps something of the old database (a service, a thread with a connection) to let go of it."""
    from django.conf import settings
    from django.core.signals import setting_changed

    # enter=False: Django warns of an "override" of DATABASES otherwise.
    setting_changed.send(sender=None, setting="DATABASES", value=settings.DATABASES, enter=False)


@contextmanager
def created(name: str, settings_dict: dict[str, Any], server: Server | None) -> Iterator[TestDatabase]:
    """The test database with its migrations applied, as DATABASES["default"]; dropped afterwards."""
    from django.conf import settings
    from django.db import connection, connections
    from django.test.utils import setup_databases, teardown_databases

    before = settings.DATABASES["default"]
    use(settings_dict)
    old = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    keys = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    try:
        yield TestDatabase(name=name, settings={key: connection.settings_dict[key] for key in keys}, server=server)
    finally:
        announce()
        end_other_connections()
        connections.close_all()
        teardown_databases(old, verbosity=0)
        use(before)


def end_other_connections() -> None:
    """End the sessions that other threads and processes still hold: with one open PostgreSQL refuses DROP DATABASE."""
    from django.db import connection

    find = {
        "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "mysql": "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
    }
    end = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
    if connection.vendor not in find:
        return
    with connection.cursor() as cursor:
        cursor.execute(find[connection.vendor])
        for (identifier,) in cursor.fetchall():
            cursor.execute(end[connection.vendor], [identifier])
