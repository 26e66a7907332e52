"""A database connection of one thread's own: no request's transaction, isolation level or failure touches it."""

import contextlib
import math
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.utils import InterfaceError, OperationalError, load_backend

from .sockets import muffle, shut_down

T = TypeVar("T")

#: Connections inherited through a fork. Closing one, or letting it be collected, would end the parent's session.
_parked: list[BaseDatabaseWrapper] = []


class PrivateConnection:
    """Opens a connection like `alias` when it is needed. Used by one thread at a time, but for `interrupt`."""

    def __init__(self, alias: str, timeout: float) -> None:
        self.alias = alias
        self.timeout = timeout
        self._wrapper: BaseDatabaseWrapper | None = None
        self._severed: BaseDatabaseWrapper | None = None  # interrupted, not closed yet by its thread
        self.interruptions = 0

    def run(self, work: Callable[[BaseDatabaseWrapper], T]) -> T:
        """Do `work` on the connection, opened if need be; one that fails is closed. Raises Django's database errors."""
        wrapper = self._wrapper
        if wrapper is None:
            wrapper = self._wrapper = _open_like(self.alias, self.timeout)
        try:
            wrapper.ensure_connection()
            return work(wrapper)
        except BaseException:
            self.drop(wrapper)
            raise
        finally:
            if wrapper is not self._wrapper:  # interrupted while it was being opened: nobody else will close it
                self.drop(wrapper)

    def is_open(self) -> bool:
        return self._wrapper is not None and self._wrapper.connection is not None

    def drop(self, wrapper: BaseDatabaseWrapper | None = None) -> None:
        """Close the connection that failed (it may be one that was interrupted), or all there is."""
        for doomed in [self._wrapper, self._severed] if wrapper is None else [wrapper]:
            if doomed is self._wrapper:
                self._wrapper = None
            if doomed is self._severed:
                self._severed = None
            if doomed is not None:
                with contextlib.suppress(Exception):  # it may be dead already, which is what we want
                    doomed.close()

    def interrupt(self) -> None:
        """From any thread: shut the socket, so that whoever is blocked on it fails; the next `run` opens another.

        Only the thread that uses a connection may close it: drivers crash otherwise.
        """
        self.interruptions += 1
        wrapper, self._wrapper = self._wrapper, None
        if wrapper is None:
            return
        self._severed = wrapper
        shut_down(_descriptor(wrapper.connection))

    def park(self) -> None:
        """In a forked child: forget the inherited connection without closing it."""
        for wrapper in (self._wrapper, self._severed):
            if wrapper is not None:
                muffle(_descriptor(wrapper.connection))
                _parked.append(wrapper)
        self._wrapper = self._severed = None


def quiet_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """A cursor whose statements neither DEBUG's log nor `assertNumQueries` sees: they are not the request's."""
    with connection.wrap_database_errors:
        return connection.make_cursor(connection.create_cursor())


def is_disconnect(error: Exception) -> bool:
    return isinstance(error, OperationalError | InterfaceError)


def _open_like(alias: str, timeout: float) -> BaseDatabaseWrapper:
    settings: dict[str, Any] = {**connections[alias].settings_dict}
    # Our own dictionary, and the project's values: a TLS context, say, cannot be copied.
    options = settings["OPTIONS"] = {**settings["OPTIONS"]}
    options.pop("pool", None)  # requests and this thread must not wait for each other
    settings["ATOMIC_REQUESTS"], settings["AUTOCOMMIT"] = False, True
    backend = load_backend(settings["ENGINE"])
    vendor = connections[alias].vendor
    if vendor == "postgresql":
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        options["isolation_level"] = IsolationLevel.READ_COMMITTED
        options["connect_timeout"] = math.ceil(timeout)
    elif vendor == "mysql":
        options["isolation_level"] = "read committed"
        options["connect_timeout"] = math.ceil(timeout)
    elif vendor == "sqlite":
        options["timeout"] = timeout
    wrapper: BaseDatabaseWrapper = backend.DatabaseWrapper(settings, alias)
    wrapper.inc_thread_sharing()
    return wrapper


def _descriptor(connection: Any) -> int | None:
    """The socket below a driver's connection: psycopg and mysqlclient have `fileno`, PyMySQL keeps the socket."""
    if connection is None:
        return None
    with contextlib.suppress(Exception):
        return int(connection.fileno())
    with contextlib.suppress(Exception):
        return int(connection._sock.fileno())
    return None
