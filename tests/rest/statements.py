"""Counting SQL statements on every connection and thread, those hidden from Django's own log included."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db.backends.utils import CursorWrapper

#: What opens and closes transactions is not counted.
CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def recorded(*, own_thread: bool = False) -> Iterator[list[str]]:
    """The statements executed inside, on any connection; only by this thread, if asked."""
    seen: list[str] = []
    me = threading.get_ident()

    def wrap(original: Any) -> Any:
        def execute(self: CursorWrapper, sql: str, *args: Any) -> Any:
            if not str(sql).lstrip().upper().startswith(CONTROL) and not (own_thread and threading.get_ident() != me):
                seen.append(str(sql))
            return original(self, sql, *args)

        return execute

    with (
        mock.patch.object(CursorWrapper, "_execute", wrap(CursorWrapper._execute)),  # type: ignore[attr-defined]
        mock.patch.object(CursorWrapper, "_executemany", wrap(CursorWrapper._executemany)),  # type: ignore[attr-defined]
    ):
        yield seen
