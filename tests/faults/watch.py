"""What a bystander sees of a fault: looks at servers, processes, proxies and workers, whatever was to be injected.

What it cannot find out it has not seen, and a fault that has not been seen is a problem: see `Fault.felt`.
"""

import http.client
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import copy
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tests.fleet.own_server import family, pid_of

from .fleet import Fleet, until
from .history import now
from .proxy import Route
from .servers import Server, database_session, statement, valkey_session

#: A worker's clock that differs by so many seconds has been moved.
SHIFTED = 600.0
#: Seconds to wait for the workers' subscriptions, which a fault before this one may have ended.
SUBSCRIBED = 10.0
KEY = "a bystander"


class Watch:
    """Made before a fault. `look` while it still lasts, `look_back` when it is over."""

    def __init__(self, fleet: Fleet, stack: ExitStack) -> None:
        self._fleet = fleet
        self._counted = {route: Counter(route.hindered) for route in fleet.proxy.routes}
        self._timeline = _timeline(fleet)
        self._session: Any = stack.enter_context(database_session(fleet.database))
        self._session.execute("USE lanyard" if fleet.database.name == "mariadb" else "SELECT 1")
        self._subscribers: set[str] = set()
        if fleet.valkey is not None:
            with valkey_session(fleet.valkey) as client:
                client.set(KEY, 1)
                patience = now() + SUBSCRIBED
                while not (ids := _subscribers(client)) and now() < patience:
                    until(now() + 0.05)
                self._subscribers = ids

    def look(self) -> frozenset[str]:
        fleet, seen = self._fleet, set(self._hindered())
        if any(_is_frozen(worker.pid) for worker in fleet.workers):
            seen.add("worker frozen")
        if any(_clock_error(fleet, number) > SHIFTED for number in range(len(fleet.ports))):
            seen.add("clock moved")
        seen.update(self._server("database", fleet.database, self._talk_to_database))
        if fleet.valkey is not None:
            seen.update(self._server("valkey", fleet.valkey, self._talk_to_valkey))
        return frozenset(seen)

    def look_back(self) -> frozenset[str]:
        return frozenset({"another timeline"} if _timeline(self._fleet) != self._timeline else ())

    def _hindered(self) -> Iterator[str]:
        """What the proxies have done to bytes and connections, and whether it was to one worker or to several."""
        fleet, found = self._fleet, dict[str, set[Route]]()
        for route in fleet.proxy.routes:
            to_database, to_valkey = route in fleet.database_routes, route in fleet.valkey_routes
            kind = "database" if to_database else "valkey" if to_valkey else "standby"
            for how in route.hindered - self._counted.get(route, Counter()):
                found.setdefault(f"{kind} {how}", set()).add(route)
        for sign, routes in found.items():
            yield sign if len(routes) > 1 or sign.startswith("standby") else f"{sign} at one worker"

    def _server(self, kind: str, server: Server, talk: Callable[[], Iterator[str]]) -> Iterator[str]:
        if _refuses(server):
            yield f"{kind} refuses"
        elif _is_frozen(pid_of(server)):
            yield f"{kind} frozen"
        else:
            if any(_is_frozen(pid) for pid in family(server)):
                yield f"{kind} backend frozen"
            with suppress(Exception):  # then it is not seen
                yield from talk()

    def _talk_to_database(self) -> Iterator[str]:
        try:
            self._session.execute("SELECT 1")
        except Exception:
            yield "database sessions ended"
        if self._fleet.plan.push == "postgres":
            deaf = "SELECT 1 FROM pg_stat_activity WHERE query = 'BEGIN' AND clock_timestamp() - xact_start > '0.5 s'"
            if statement(self._fleet.database, deaf):
                yield "deaf listener"

    def _talk_to_valkey(self) -> Iterator[str]:
        assert self._fleet.valkey is not None
        with valkey_session(self._fleet.valkey) as client:
            if not client.exists(KEY):
                yield "valkey flushed"
            if self._subscribers and not self._subscribers & _subscribers(client):
                yield "valkey subscribers ended"
            if any(int(one["psub"]) for one in client.client_list()):
                yield "deaf listener"


@contextmanager
def watching(fleet: Fleet) -> Iterator[Watch]:
    with ExitStack() as stack:
        yield Watch(fleet, stack)


def _subscribers(client: Any) -> set[str]:
    return {one["id"] for one in client.client_list(_type="pubsub")}


def _refuses(server: Server) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        try:
            probe.connect((server.host, server.port))
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        return False


def _is_frozen(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def _clock_error(fleet: Fleet, number: int) -> float:
    """By how much a worker's answers are dated wrong."""
    line = http.client.HTTPConnection("127.0.0.1", fleet.ports[number], timeout=1.0)
    try:
        if _is_frozen(fleet.workers[number].pid):
            return 0.0
        line.request("HEAD", "/nothing-is-here/")
        date = line.getresponse().headers["Date"]
        return abs(parsedate_to_datetime(date).timestamp() - time.time())
    except (OSError, http.client.HTTPException):
        return 0.0
    finally:
        line.close()


def _timeline(fleet: Fleet) -> str:
    """Of PostgreSQL, as the first worker would reach it: it grows with each failover."""
    if fleet.database.name != "postgres":
        return ""
    reached = copy(fleet.database)
    reached.port = fleet.database_routes[0].port
    [(name,)] = statement(reached, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    return str(name)[:8]
