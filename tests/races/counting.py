"""Every statement on every connection of this process, whichever thread or library opened it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET ")


@dataclass
class Statements:
    """What was executed. Transaction control is kept apart."""

    #: On connections of `django.db.connections`, of any thread.
    requests: list[str] = field(default_factory=list)
    #: On connections that the library opened for itself.
    private: list[str] = field(default_factory=list)
    control: list[str] = field(default_factory=list)
    commits: int = 0

    def note(self, wrapper: BaseDatabaseWrapper, sql: Any) -> None:
        text = str(sql).lstrip()
        if text.upper().startswith(CONTROL):
            self.control.append(text)
        elif wrapper in connections.all(initialized_only=True):
            self.requests.append(text)
        else:
            self.private.append(text)

    def kinds(self) -> list[str]:
        """SELECT, UPDATE… of what the requests executed."""
        return [sql.split(None, 1)[0].upper() for sql in self.requests]


@contextmanager
def counted() -> Iterator[Statements]:
    """Patches the lowest place that every cursor of Django goes through, the private ones included."""
    found = Statements()
    cursor: Any = CursorWrapper
    execute, executemany = cursor._execute, cursor._executemany
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def noted_execute(self: Any, sql: Any, params: Any, *args: Any) -> Any:
        found.note(self.db, sql)
        return execute(self, sql, params, *args)

    def noted_executemany(self: Any, sql: Any, params: Any, *args: Any) -> Any:
        found.note(self.db, sql)
        return executemany(self, sql, params, *args)

    def noted_commit(self: Any) -> None:
        found.commits += 1
        commit(self)

    with (
        mock.patch.object(CursorWrapper, "_execute", noted_execute),
        mock.patch.object(CursorWrapper, "_executemany", noted_executemany),
        mock.patch.object(BaseDatabaseWrapper, "_commit", noted_commit),
    ):
        yield found
