"""A process that forks: `python -m tests.fleet.forking SCENARIO…`, with what happened as JSON on the last line.

Scenarios: open_connection, reading, reader_lock, wiring_lock.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

CHILDREN = 3
#: Seconds until a child counts as deadlocked.
PATIENCE = 15.0
LEASE = 0.2


def backend() -> int | None:
    """The server's number for the reader's connection in this process."""
    from django.db import connection

    from drf_lanyard.wiring import get_lanyard

    wrapper = get_lanyard().reader.log._private._wrapper  # type: ignore[attr-defined]
    if wrapper is None or wrapper.connection is None or connection.vendor == "sqlite":
        return None
    driver: Any = wrapper.connection
    return int(driver.info.backend_pid if connection.vendor == "postgresql" else driver.thread_id())


def read_again() -> str:
    """A read of this process's own that starts now. "ok", or what was raised."""
    from drf_lanyard.wiring import get_lanyard

    reader: Any = get_lanyard().reader
    asked = reader._steady()
    ends = time.monotonic() + PATIENCE
    try:
        while reader._read_from < asked and time.monotonic() < ends:
            reader.fresh()
            time.sleep(0.01)
    except Exception as error:
        return type(error).__name__
    return "ok" if reader._read_from >= asked else "no read"


def child(token: str, pipe: int) -> None:
    """Authenticate as a worker does after the fork, say how it went, and end the way a process ends."""
    from .worker import ask

    answers = {"answer": ask(token), "again": read_again(), "backend": backend(), "threads": threading.active_count()}
    os.write(pipe, json.dumps(answers).encode())
    os.close(pipe)


def fork(token: str) -> tuple[int, int]:
    """A child's process id, and where it will write."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        signal.alarm(int(PATIENCE))  # a deadlocked child ends itself
        child(token, writing)
        sys.exit(0)  # with all of the interpreter's own clearing up, in which a connection can be collected
    os.close(writing)
    return pid, reading


def gather(children: list[tuple[int, int]]) -> list[dict[str, Any] | None]:
    results: list[dict[str, Any] | None] = []
    for pid, reading in children:
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        _, status = os.waitpid(pid, 0)
        results.append(json.loads(text) if text and status == 0 else None)
    return results


def fork_while_held(lock: Any, token: str) -> list[tuple[int, int]]:
    """Fork while another thread holds the lock."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        return [fork(token) for _ in range(CHILDREN)]
    finally:
        release.set()
        thread.join()


def fork_while_reading(token: str) -> list[tuple[int, int]]:
    """Fork while the reader's thread is in the middle of a read."""
    from drf_lanyard.wiring import get_lanyard

    reader: Any = get_lanyard().reader
    original: Callable[[int], Any] = reader.log.read
    reading, go_on = threading.Event(), threading.Event()

    def slow(position: int) -> Any:
        if os.getpid() == parent:
            reading.set()
            go_on.wait()
        return original(position)

    parent = os.getpid()
    reader.log.read = slow
    asked = threading.Thread(target=read_again)
    asked.start()
    assert reading.wait(PATIENCE)
    try:
        return [fork(token) for _ in range(CHILDREN)]
    finally:
        go_on.set()
        asked.join()


def play(scenario: str, token: str) -> dict[str, Any]:
    """Parent before, children, parent after."""
    from drf_lanyard import wiring

    from .worker import ask

    before = {"answer": ask(token), "again": read_again(), "backend": backend()}
    reader: Any = wiring.get_lanyard().reader
    if scenario == "reader_lock":
        children = fork_while_held(reader._lock, token)
    elif scenario == "wiring_lock":
        children = fork_while_held(_Rebuilding(wiring), token)
    elif scenario == "reading":
        children = fork_while_reading(token)
    else:
        children = [fork(token) for _ in range(CHILDREN)]
    seen = gather(children)
    reader = wiring.get_lanyard().reader
    after = {"answer": ask(token), "again": read_again(), "backend": backend(), "failures": reader._failures}
    return {"before": before, "children": seen, "after": after}


def main(*scenarios: str) -> None:
    import django
    from django.conf import settings

    settings.LANYARD = {"LEASE": LEASE}
    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection

    from drf_lanyard import sign_in

    token = sign_in(None, get_user_model().objects.get(username="alice")).access
    connection.close()  # what a project does before it forks; the reader's is not its business
    print(json.dumps({scenario: play(scenario, token) for scenario in scenarios}))


class _Rebuilding:
    """The moment in which another thread builds the service anew, since a setting has changed."""

    def __init__(self, wiring: Any) -> None:
        self.wiring = wiring

    def __enter__(self) -> None:
        self.wiring.reset()
        self.lock = self.wiring._lock
        self.lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self.lock.release()


if __name__ == "__main__":
    main(*sys.argv[1:])
