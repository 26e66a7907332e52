"""Processes of a fleet, forked from this one: each calls a function with a pipe to talk through."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from tests.server_process import die_with_parent

#: Seconds for one answer: 40 processes that keep two cores busy take their time.
PATIENCE = 120.0
_forking = multiprocessing.get_context("fork")


class Member:
    def __init__(self, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self.pipe, theirs = _forking.Pipe()
        self.process = _forking.Process(target=_run, args=(work, theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()

    def send(self, message: Any) -> None:
        self.pipe.send(message)

    def answer(self) -> Any:
        if not self.pipe.poll(PATIENCE):
            raise TimeoutError("a process of the fleet does not answer")
        return self.pipe.recv()

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _run(work: Callable[..., None], pipe: Connection, *arguments: Any) -> None:
    die_with_parent(signal.SIGKILL)()
    work(pipe, *arguments)


@contextmanager
def members(work: Callable[..., None], size: int, *arguments: Any) -> Iterator[list[Member]]:
    """`size` processes that run `work(pipe, *arguments)`, killed at the end. Close all connections before it begins."""
    made = [Member(work, arguments) for _ in range(size)]
    try:
        yield made
    finally:
        for member in made:
            member.close()


def boot_clock() -> float:
    """Seconds; the same in all processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
