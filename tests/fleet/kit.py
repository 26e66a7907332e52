"""What these tests share: transactions in other threads, readers of one's own, deadlines for what happens by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db import connection, transaction

from drf_lanyard import wiring
from drf_lanyard.core.model import Principal
from drf_lanyard.core.reader import Reader
from drf_lanyard.core.revocation import Snapshot
from drf_lanyard.models import Revocation
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.orm_log import OrmLog

T = TypeVar("T")
#: Seconds after which a test gives up on something that happens by itself; far more than it ever takes.
DEADLINE = 20.0
RETENTION = 3600.0


def eventually(fact: Callable[[], T], *, within: float = DEADLINE) -> T:
    """Ask until the answer is true, and return it; AssertionError after the deadline."""
    ends = time.monotonic() + within
    while not (answer := fact()):
        assert time.monotonic() < ends, f"not within {within} s: {fact}"
        time.sleep(0.005)
    return answer


class Actor:
    """A thread with a database connection of its own, so that its transactions can be interleaved step by step."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._open: AbstractContextManager[None] | None = None

    def start(self, action: Callable[[], T]) -> "Future[T]":
        return self._pool.submit(action)

    def do(self, action: Callable[[], T]) -> T:
        return self.start(action).result(DEADLINE)

    def begin(self) -> None:
        self._open = transaction.atomic()
        self.do(self._open.__enter__)

    def commit(self) -> None:
        self._end(None)

    def roll_back(self) -> None:
        self._end(RuntimeError("rolled back on purpose"))

    def _end(self, error: BaseException | None) -> None:
        block, self._open = self._open, None
        assert block is not None
        self.do(lambda: block.__exit__(None if error is None else type(error), error, None))

    def close(self) -> None:
        if self._open is not None:
            self.roll_back()
        self.do(lambda: connection.close())
        self._pool.shutdown()


@contextmanager
def actors(count: int) -> Iterator[list[Actor]]:
    made = [Actor() for _ in range(count)]
    try:
        yield made
    finally:
        for actor in made:
            actor.close()


def append(credential: int | None = None, **values: Any) -> int:
    """What a cause does to the log: insert an entry without a position, in the open transaction. The credential."""
    dead = credential or uuid4().int
    Revocation.objects.create(credential="" if "subject" in values else f"{dead:032x}", **values)
    return dead


def orm_log(**options: Any) -> OrmLog:
    return OrmLog("default", **{"timeout": 2.0, "retention": RETENTION, **options})


@contextmanager
def a_log(**options: Any) -> Iterator[OrmLog]:
    log = orm_log(**options)
    try:
        yield log
    finally:
        log.rest()


@contextmanager
def a_reader(log: Any = None, **options: Any) -> Iterator[Reader]:
    """A reader of its own, like another process has, until its thread has ended."""
    options = {"lease": 0.2, "timeout": DEADLINE, "clock": SystemClock(), **options}
    reader = Reader(log or orm_log(timeout=options["timeout"]), **options)
    try:
        yield reader
    finally:
        ended(reader)


def ended(reader: Reader) -> None:
    thread = reader._thread
    reader.close()
    if thread is not None:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def follow(log: OrmLog, snapshot: Snapshot) -> None:
    """One turn of a reader, by hand."""
    snapshot.apply(log.read(snapshot.position))


def positions() -> list[int]:
    return sorted(e or 0 for e in Revocation.objects.exclude(position=None).values_list("position", flat=True))


def principal(credential: UUID | int, **values: Any) -> Principal:
    number = credential if isinstance(credential, int) else credential.int
    return Principal(
        **{"user_id": "1", "method": "password", "issued_at": 0.0, "expires_at": 1e12, "credential": number, **values}
    )


def a_user(name: str = "alice") -> Any:
    return get_user_model().objects.create_user(name, password="wonderland")


def signed_in(user: Any) -> Any:
    """New credentials for a user, by the service of this process."""
    from drf_lanyard import sign_in

    return sign_in(None, user)


def reader_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "drf-lanyard-reader"]


def no_reader_left() -> None:
    """End the reader of this process, and wait until nobody reads."""
    wiring.reset()
    eventually(lambda: not reader_threads())


def read_again(reader: Reader) -> Snapshot:
    """The snapshot of a read that starts after now."""
    asked = SystemClock().steady()
    eventually(lambda: reader.fresh() and reader._read_from >= asked)
    return reader.snapshot
