"""Whole requests in this process, through Django's WSGI handler: signals, middleware, view, answer."""

import gc
import io
import json
import random
import time
import weakref
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from ..statements import is_statement
from ..variants import NULL, Variant
from . import credentials

Environ = dict[str, Any]
#: Requests at the beginning of a round that are not timed. Other processes had the processor's caches meanwhile, and
#: the reader rested; what a process pays after a pause is the business of the case `quiet`.
WARM_UP = 100
#: Requests in a row with the same authenticator, as a server has them.
BLOCK = 25


@cache
def handler() -> WSGIHandler:
    return get_wsgi_application()


def environ(path: str, body: bytes = b"", **extra: Any) -> Environ:
    return {
        "REQUEST_METHOD": "POST" if body else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "HTTP_ACCEPT": "application/json",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        **extra,
    }


def ask(application: WSGIHandler, one: Environ) -> tuple[int, bytes]:
    """Status and body."""
    status = [""]

    def start_response(line: str, headers: Any, exc_info: Any = None) -> None:
        status[0] = line

    response = application(one, start_response)
    body = b"".join(response)
    response.close()
    return int(status[0][:3]), body


class Asked:
    """The credentials of one variant, checked before anything is timed."""

    def __init__(self) -> None:
        self.variant: Variant = settings.BENCH_VARIANT
        self.make: Callable[[int], list[Environ]] = getattr(credentials, self.variant.credential)
        self.fresh = self.variant.credential == "lanyard_first"
        self.extras = self.make(1)

    def environs(self, count: int) -> list[Environ]:
        extras = self.make(count) if self.fresh else self.extras * count
        return [environ("/protected/", **extra) for extra in extras]

    def check(self) -> None:
        """Whoever is asked for is let in as the right user, and a spoiled credential is refused."""
        good = ask(handler(), environ("/protected/", **self.extras[0]))
        # As text: simplejwt's stateless user has a string for a primary key.
        if good[0] != 200 or str(json.loads(good[1])["user"]) != str(credentials.user().pk):
            raise AssertionError(f"{self.variant.name}: {good}")
        if self.variant.refusal:
            bad = ask(handler(), environ("/protected/", **credentials.spoiled(self.extras[0])))
            if bad[0] != self.variant.refusal:
                raise AssertionError(f"{self.variant.name}: a spoiled credential gets {bad}")


@cache
def asked() -> Asked:
    return Asked()


_lined_up: list[Environ] = []


def prepare() -> None:
    """Check, and warm up."""
    asked().check()
    line_up(1)


def line_up(count: int) -> None:
    """Make ready what `go` sends, and send some that do not count: see WARM_UP."""
    hold(asked().environs(count + WARM_UP), WARM_UP)


def hold(environs: list[Environ], warm_up: int) -> None:
    """Keep what `go` is to send; the first `warm_up` are sent now."""
    for one in environs[:warm_up]:
        ask(handler(), one)
    _lined_up[:] = environs[warm_up:]


def go() -> float:
    """Microseconds per whole request that was lined up."""
    application = handler()
    return timed(lambda: sum(ask(application, one)[0] != 200 for one in _lined_up), len(_lined_up))


def time_requests(count: int) -> float:
    line_up(count)
    return go()


def time_beside_null(count: int) -> tuple[float, float]:
    """Microseconds per whole request: with the null authenticator, and with the variant's own.

    Both in this process, in blocks that alternate, the order of two drawn by lot: processes differ by several
    microseconds for reasons that are nobody's (where memory happens to lie), and the collector runs at a rhythm.
    """
    environs = asked().environs(count + WARM_UP)
    for one in environs[count:]:
        ask(handler(), arrived(one, null=True))
        ask(handler(), arrived(one))
    took = {True: 0.0, False: 0.0}
    gc.collect()
    gc.freeze()
    for start in range(0, count, BLOCK):
        for null in random.sample((True, False), 2):
            for one in environs[start : start + BLOCK]:
                took[null] += _timed_request(arrived(one, null=null))
    gc.unfreeze()
    return took[True] / count * 1e6, took[False] / count * 1e6


def _timed_request(one: Environ) -> float:
    began = time.perf_counter()
    status, _ = ask(handler(), one)
    took = time.perf_counter() - began
    if status != 200:
        raise AssertionError(f"{asked().variant.name}: {status}")
    return took


def arrived(one: Environ, *, null: bool = False) -> Environ:
    """The environ as a server makes it: what the client sent is text that nobody has seen, and hashed, before."""
    sent = {name: f" {value}"[1:] for name, value in one.items() if name in ("HTTP_AUTHORIZATION", "HTTP_COOKIE")}
    return {**one, **sent, NULL: "1" if null else ""}


def timed(work: Callable[[], int], count: int) -> float:
    """Microseconds per piece of work; `work` returns how many failed. What it leaves to the collector is its own."""
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    failed = work()
    took = time.perf_counter() - began
    gc.unfreeze()
    if failed:
        raise AssertionError(f"{failed} of {count} failed")
    return took / count * 1e6


def count_sqlite(count: int) -> float:
    """Statements per request as SQLite itself reports them, on every connection of this process, the reader's too."""
    line_up(count)
    seen: list[str] = []
    connections = [wrapper.connection for wrapper in _opened if wrapper.connection is not None]
    for connection in connections:
        connection.set_trace_callback(seen.append)
    go()
    for connection in connections:
        connection.set_trace_callback(None)
    return sum(is_statement(text) for text in seen) / count


_opened: "weakref.WeakSet[Any]" = weakref.WeakSet()


@receiver(connection_created)
def _remember(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        _opened.add(connection)


def percentiles(values: Iterable[float], *parts: float) -> list[float]:
    ordered = sorted(values)
    return [ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in parts]
