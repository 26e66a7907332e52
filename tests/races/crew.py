"""Threads that start at the same moment, each with a database connection of its own that it closes in the end."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")
#: Seconds after which a thread that others wait for is given up. Never reached by a test that works.
PATIENCE = 60.0


class Crew:
    """`size` threads that live as long as the crew, so that a round opens no connections."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._start = threading.Barrier(size)
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="crew")

    def __enter__(self) -> "Crew":
        self.every(lambda number: connections["default"].ensure_connection())
        return self

    def __exit__(self, *args: object) -> None:
        self.every(lambda number: connections.close_all())
        self._pool.shutdown()

    def every(self, action: Callable[[int], T]) -> list[T]:
        """Run `action(number)` in every thread at once; the answers in order. Raises the first exception."""

        def run(number: int) -> T:
            self._start.wait(PATIENCE)
            return action(number)

        running = [self._pool.submit(run, number) for number in range(self.size)]
        return [each.result(PATIENCE) for each in running]
