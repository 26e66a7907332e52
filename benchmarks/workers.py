"""The workers, as the parent sees them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.server_process import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
REQUESTS = "benchmarks.inside.requests"


class WorkerError(Exception):
    """What a worker could not do, with its traceback."""


class Worker:
    """A process in which Django is set up for one variant and one database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent(15),
        )

    def call(self, function: str, **arguments: Any) -> Any:
        """What `module:function` returns there. Raises WorkerError."""
        self.tell(function, **arguments)
        return self.answer()

    def tell(self, function: str, **arguments: Any) -> None:
        """Let it begin; `answer` waits for the end."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"call": function, "with": arguments}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"a worker ended with {self.process.wait()}")
        told = json.loads(line)
        if "error" in told:
            raise WorkerError(told["error"])
        return told["is"]

    def close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def close_all(workers: Iterable[Worker]) -> None:
    for worker in workers:
        worker.close()
