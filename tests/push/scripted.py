"""A follower on channels that do what a test says."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from drf_lanyard.core.follower import Follower
from drf_lanyard.core.messages import Messages
from drf_lanyard.core.model import Entry

from ..core.clocks import FakeClock
from ..fleet.kit import DEADLINE, eventually

KEY = bytes(range(32))
MESSAGES = Messages([KEY])
#: What `receive` returns when the server says that we are subscribed.
SUBSCRIBED: list[str] = []


class ScriptedChannel:
    """`receive` returns, raises or calls one step of the script each; after the last it waits until it is cut off."""

    def __init__(self, *script: Any) -> None:
        self.script = deque(script)
        self.timeouts: list[float] = []
        self.pings = 0
        self.closed = 0
        self.parked = 0
        self._cut = threading.Event()

    def receive(self, timeout: float) -> list[str] | None:
        self.timeouts.append(timeout)
        if not self.script:
            assert self._cut.wait(3 * DEADLINE), "nobody has interrupted"  # for longer than any test waits
            raise ConnectionError("cut off")
        step = self.script.popleft()
        if isinstance(step, Exception):
            raise step
        heard: list[str] | None = step() if callable(step) else step
        return heard

    def ping(self) -> None:
        self.pings += 1

    def interrupt(self) -> None:
        self._cut.set()

    def close(self) -> None:
        self.closed += 1

    def park(self) -> None:
        self.parked += 1


class Line:
    """`connect`: hands out one after the other, or raises it; the last for ever."""

    def __init__(self, *ends: Any) -> None:
        self.ends = deque(ends)
        self.attempts = 0

    def __call__(self) -> Any:
        self.attempts += 1
        end = self.ends.popleft() if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, Exception):
            raise end
        return end() if callable(end) else end


class Ears:
    """An audience that remembers."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.hints = 0
        self.order: list[str] = []

    def add(self, entries: Sequence[Entry]) -> None:
        self.entries += entries
        self.order += ["add"] * len(entries)

    def hint(self) -> None:
        self.hints += 1
        self.order.append("hint")

    @property
    def credentials(self) -> list[int | None]:
        return [entry.credential for entry in self.entries]


def push_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("drf-lanyard-push")]


@contextmanager
def following(line: Callable[[], Any], ears: Ears, clock: FakeClock | None = None) -> Iterator[Follower]:
    """A follower that has begun, until its thread has ended."""
    follower = Follower(line, MESSAGES, clock or FakeClock())
    follower.follow(ears)
    try:
        yield follower
    finally:
        follower.close()
        eventually(lambda: not push_threads())


def said(*credentials: int) -> str:
    """The message that these are dead."""
    return MESSAGES.encode([Entry(uid=n, credential=n) for n in credentials])
