"""Starts worker processes on the test database of this turn and talks to them."""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..databases import TestDatabase
from ..server_process import die_with_parent

ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds for one answer; far more than any takes.
PATIENCE = 60.0


class Worker:
    """One process. Commands are the functions of `tests.fleet.worker`, or of another module with such a `main`."""

    def __init__(self, environment: dict[str, str], module: str = "tests.fleet.worker") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )

    def send(self, command: str, *arguments: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([command, *arguments]).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, "a worker does not answer"
        line = self.process.stdout.readline()
        assert line, "a worker has died"
        return json.loads(line)

    def ask(self, command: str, *arguments: Any) -> Any:
        self.send(command, *arguments)
        return self.answer()

    def stop(self) -> None:
        """SIGSTOP: the process stands still until `go_on`."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


@contextmanager
def crew(
    database: TestDatabase, size: int, module: str = "tests.fleet.worker", **environment: str
) -> Iterator[list[Worker]]:
    """`size` workers, all ready."""
    workers = [Worker({**database.environment(), **environment}, module) for _ in range(size)]
    try:
        for worker in workers:
            assert worker.answer() == "ready"
        yield workers
    finally:
        for worker in workers:
            worker.close()
