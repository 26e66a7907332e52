"""What the log costs: statements, bytes, and the time of one read and one numbering as it grows."""

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .ground import Ground, choose, cpu_of_family, quantile

#: How many live entries the log has.
SIZES = (0, 1_000, 10_000, 100_000)
TIMES = 200
_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "SET", "SAVEPOINT", "RELEASE")


@contextmanager
def counting() -> Iterator[list[str]]:
    """The statements of this thread, the small ones that open and close transactions left out."""
    from django.db.backends.utils import CursorWrapper

    me, counted, original = threading.current_thread(), [], CursorWrapper.execute

    def execute(self: Any, sql: str, params: Any = None) -> Any:
        if threading.current_thread() is me and not str(sql).startswith(_NOT_COUNTED):
            counted.append(str(sql))
        return original(self, sql, params)

    CursorWrapper.execute = execute  # type: ignore[method-assign, assignment]
    try:
        yield counted
    finally:
        CursorWrapper.execute = original  # type: ignore[method-assign]


def measure_statements() -> dict[str, tuple[int, int]]:
    """By what causes them: on PostgreSQL without push, and with push through it."""
    alone, pushing = _statements(None), _statements("postgres")
    return {name: (alone[name], pushing[name]) for name in alone}


def _statements(url: str | None) -> dict[str, int]:
    from django.contrib.auth import get_user_model
    from django.db.models import F

    from drf_lanyard import revoke_session, revoke_user, sign_in
    from drf_lanyard.core.model import Client
    from drf_lanyard.models import Session
    from drf_lanyard.stores.orm_log import OrmLog
    from drf_lanyard.wiring import get_lanyard

    found: dict[str, int] = {}
    log = OrmLog("default", timeout=30.0, retention=3600.0)
    log.sequence()  # makes the head's row

    def count(name: str, action: Callable[[], Any]) -> Any:
        with counting() as statements:
            answer = action()
        found[name] = len(statements)
        return answer

    choose(PUSH_URL=url)
    service, client = get_lanyard(), Client()
    user = get_user_model().objects.create_user(f"statements-{time.time_ns()}")
    issued = count("sign-in (`last_login` included)", lambda: sign_in(None, user))
    Session.objects.filter(pk=issued.session.id).update(rotated_at=F("rotated_at") - 60)  # past the grace
    count("refresh that rotates", lambda: service.refresh(issued.refresh, client=client))
    count("refresh, repeated", lambda: service.refresh(issued.refresh, client=client))
    count("revoke one session", lambda: revoke_session(issued.session.id))
    sign_in(None, user)
    count("revoke a user", lambda: revoke_user(user))
    count("read the log", lambda: log.read(0))
    count("number what has committed", log.sequence)
    log.rest()
    return found


def measure_log(ground: Ground) -> dict[str, Any]:
    """A log that grows: reads at its end, a load from nothing, numbering, size. Leaves it as it was found."""
    from django.db import connection

    from drf_lanyard.stores.orm_log import OrmLog

    choose()
    log = OrmLog("default", timeout=30.0, retention=3600.0)
    rows = []
    try:
        for size in SIZES:
            fill(size)
            rows.append({"entries": size, "read_ms": median_ms(lambda size=size: log.read(size))})  # type: ignore[misc]
        return {
            "reads": rows,
            "cpu_us": cpu_us(ground, lambda: log.read(SIZES[-1])),
            "connect_and_read_ms": median_ms(lambda: anew(log), 20),
            "bytes_in_database": table_bytes() / SIZES[-1],
            **loading(log),
            "numbering": [numbering(log, count) for count in (1, 100, 5000)],
        }
    finally:
        log.rest()
        fill(0)
        connection.close()


def cpu_us(ground: Ground, action: Callable[[], Any]) -> float:
    """CPU of the server for one call, in microseconds."""
    before = cpu_of_family(ground.postgres_pid)
    for _ in range(1000):
        action()
    return round(1000 * (cpu_of_family(ground.postgres_pid) - before), 1)


def anew(log: Any) -> None:
    """A read by a process that had let go of its connection."""
    log.rest()
    log.read(SIZES[-1])


def fill(size: int) -> None:
    """Exactly so many numbered entries of dead sessions."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE lanyard_revocation, lanyard_revocationhead")
        cursor.execute(
            "INSERT INTO lanyard_revocation (uid, position, credential, subject, epoch, ends_sessions, forget_at) "
            "SELECT n, n, md5(n::text), '', 0, false, 4e9 FROM generate_series(1, %s) AS n",
            [size],
        )
        cursor.execute("INSERT INTO lanyard_revocationhead (id, position, floor) VALUES (1, %s, 0)", [size])
        cursor.execute("VACUUM ANALYZE lanyard_revocation")


def table_bytes() -> int:
    """With its indexes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('lanyard_revocation')")
        return int(cursor.fetchone()[0])


def loading(log: Any) -> dict[str, float]:
    """A process that starts: everything, page by page; then once more to see the memory that it takes."""
    from drf_lanyard.core.revocation import read_everything

    started = time.perf_counter()
    read_everything(log, lambda: True)
    seconds = time.perf_counter() - started
    tracemalloc.start()
    snapshot, _ = read_everything(log, lambda: True)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"load_s": round(seconds, 3), "bytes_in_memory": used / len(snapshot.dead)}


def numbering(log: Any, count: int) -> dict[str, float]:
    """`count` entries that have just committed get their positions."""
    from django.db import connection

    times = []
    for _ in range(5):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO lanyard_revocation (uid, credential, subject, epoch, ends_sessions) "
                "SELECT n, md5(random()::text), '', 0, false FROM generate_series(1, %s) AS n",
                [count],
            )
        started = time.perf_counter()
        assert log.sequence() == count
        times.append(1000 * (time.perf_counter() - started))
    return {"entries": count, "ms": round(quantile(times, 0.5), 2)}


def median_ms(action: Callable[[], Any], times: int = TIMES) -> float:
    action()
    took = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        took.append(1000 * (time.perf_counter() - started))
    return round(quantile(took, 0.5), 3)
