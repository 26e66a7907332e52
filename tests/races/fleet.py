"""Several processes that serve the same database."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..databases import TestDatabase

ROOT = Path(__file__).parents[2]


class Fleet:
    """Orders go to all processes at once, then the answers are collected."""

    def __init__(self, processes: "list[subprocess.Popen[str]]") -> None:
        self._processes = processes

    def order(self, what: str, token: str) -> list[Any]:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps([what, token]) + "\n")
            process.stdin.flush()
        return self.answers()

    def answers(self) -> list[Any]:
        """One line from each process. A process that has died gives none, which is an error here."""
        lines = [process.stdout.readline() for process in self._processes if process.stdout is not None]
        return [json.loads(line) for line in lines]


@contextmanager
def fleet(database: TestDatabase, *, processes: int, threads: int, lanyard: dict[str, Any]) -> Iterator[Fleet]:
    """`processes` x `threads` clients of the database, ready for orders; all ended afterwards."""
    command = [sys.executable, "-m", "tests.races.worker", str(threads), json.dumps(lanyard)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, cwd=ROOT, env=database.environment(), **pipes) for _ in range(processes)]
    try:
        every = Fleet(started)
        assert every.answers() == ["ready"] * processes
        yield every
    finally:
        for process in started:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """At the end of its input a worker closes its connections and leaves."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
