"""Push through PostgreSQL: NOTIFY in the transaction of the cause, LISTEN on a connection of its own."""

import contextlib
import selectors
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

from ..core.follower import Follower
from ..core.messages import Messages
from ..core.model import Entry
from ..core.ports import Clock
from .sockets import muffle, shut_down

CHANNEL = "drf_lanyard"
#: Seconds for connecting.
TIMEOUT = 3
#: A listener that hangs keeps every notification since in the server's queue; when that is full, COMMIT fails. Push
#: must never be the reason that something cannot be revoked, so it falls silent long before.
_NOTIFY = "SELECT CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify(%s, %s) END"
#: What Django passes to psycopg beside the address.
_NOT_OURS = ("context", "cursor_factory", "prepare_threshold")
_parked: list[object] = []
_announcers: dict[str, Callable[[Sequence[Entry]], str]] = {}


class PostgresPush(Follower):
    """On the server of `alias`; listens at `url` instead, if given (LISTEN cannot pass through a PgBouncer)."""

    name = "postgres"

    def __init__(self, alias: str, url: str | None, messages: Messages, clock: Clock) -> None:
        super().__init__(lambda: PostgresChannel(alias, url), messages, clock)
        self._alias = alias
        _announcers[alias] = messages.encode

    def close(self) -> None:
        super().close()
        if _announcers.get(self._alias) == self.messages.encode:  # it may be our successor's
            del _announcers[self._alias]


def announce(alias: str, entries: Sequence[Entry]) -> None:
    """In the transaction that has written `entries`: the others hear of them when it commits, and only then."""
    encode = _announcers.get(alias)
    if encode is not None and entries:
        with connections[alias].cursor() as cursor:
            cursor.execute(_NOTIFY, [CHANNEL, encode(entries)])


class PostgresChannel:
    """One listening connection in autocommit mode (`core.follower.Channel`). The loop is ours: psycopg's own waits
    for a server that hangs as long as it hangs."""

    def __init__(self, alias: str, url: str | None) -> None:
        import psycopg

        options: dict[str, Any] = {"connect_timeout": TIMEOUT, "application_name": "drf-lanyard push"}
        if url is None:
            given = connections[alias].get_connection_params()
            options = {**{name: value for name, value in given.items() if name not in _NOT_OURS}, **options}
        self._good = (psycopg.pq.ExecStatus.COMMAND_OK, psycopg.pq.ExecStatus.TUPLES_OK)
        self._connection = psycopg.connect(url or "", autocommit=True, **options)
        try:
            self._low = self._connection.pgconn
            self._low.nonblocking = 1
            self._send(f"LISTEN {CHANNEL}")
        except BaseException:
            self.close()
            raise

    def receive(self, timeout: float) -> list[str] | None:
        with selectors.DefaultSelector() as selector:  # `select` refuses descriptors beyond 1,023
            selector.register(self._low.socket, selectors.EVENT_READ)
            if not selector.select(timeout):
                return None
        self._low.consume_input()  # raises when the connection is lost
        while not self._low.is_busy() and (answer := self._low.get_result()) is not None:
            if answer.status not in self._good:  # LISTEN is refused by a standby, for one
                raise ConnectionError("the server refuses")
        heard = []
        while (notification := self._low.notifies()) is not None:
            heard.append(notification.extra.decode(errors="replace"))
        return heard

    def ping(self) -> None:
        self._send("SELECT 1")

    def _send(self, statement: str) -> None:
        self._low.send_query(statement.encode())
        self._low.flush()

    def interrupt(self) -> None:
        with contextlib.suppress(Exception):
            shut_down(self._low.socket)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()

    def park(self) -> None:
        with contextlib.suppress(Exception):
            muffle(self._low.socket)
        _parked.append(self)
