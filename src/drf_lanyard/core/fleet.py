"""What a process says of itself when the roll is called.

A roll call is an entry of the revocation log that revokes nothing: whoever reads the log hears it within a lease, and
it costs nothing while nobody calls.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .model import Entry

if TYPE_CHECKING:
    from .revocation import Snapshot

#: How many calls wait for their answer, at most: there may be old ones in the log that nobody listens to any more.
WAITING = 3
#: How often one answer is tried.
ATTEMPTS = 5
#: How many calls are remembered. Answering one twice does no harm: a call that is over takes no answer.
HEARD = 1000


class Push(Protocol):
    """What brings revocations faster than reading (the reader's `push`)."""

    name: str
    connected: bool
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How one process follows the log."""

    #: Seconds since its reader was made in this process: since about the first request.
    running: float
    #: Seconds since the start of the last good read; infinity when there was none.
    age: float
    #: The highest position applied.
    position: int
    #: What it holds: dead credentials, and users with a lowest valid epoch.
    dead: int
    epochs: int
    #: Reads that have failed.
    failures: int
    #: What pushes ("redis", "postgres"), or "".
    push: str = ""
    push_connected: bool = False
    push_messages: int = 0

    @property
    def push_state(self) -> str:
        """For people; "" without push."""
        return self.push and f"{self.push} {'connected' if self.push_connected else 'not connected'}"


class Reports(Protocol):
    """Whoever can say how this process follows the log: the reader."""

    def report(self) -> Report: ...


def describe(snapshot: "Snapshot", push: Push | None, *, running: float, age: float, failures: int) -> Report:
    dead, epochs = snapshot.sizes()
    return Report(
        running=running,
        age=age,
        position=snapshot.position,
        dead=dead,
        epochs=epochs,
        failures=failures,
        push="" if push is None else push.name,
        push_connected=push is not None and push.connected,
        push_messages=0 if push is None else push.received,
    )


class RollCalls:
    """Which calls one process has heard, and which it still has to answer. Used by the reader's thread alone."""

    def __init__(self) -> None:
        self._heard: set[int] = set()
        self._waiting: dict[int, int] = {}  # attempts left

    def hear(self, entries: Iterable[Entry], *, answers: bool) -> None:
        """Look for calls in what a read returned. The first read of a process finds old ones: it only notes those."""
        for entry in entries:
            if entry.credential is None and entry.subject is None and entry.uid not in self._heard:
                self._note(entry.uid, answers)

    def _note(self, call: int, answers: bool) -> None:
        if len(self._heard) >= HEARD:
            self._heard.clear()
        self._heard.add(call)
        if answers:
            self._waiting[call] = ATTEMPTS
            if len(self._waiting) > WAITING:
                del self._waiting[next(iter(self._waiting))]

    def due(self) -> list[int]:
        """Calls to answer now; counts as an attempt at each."""
        calls = list(self._waiting)
        for call in calls:
            self._waiting[call] -= 1
            if not self._waiting[call]:
                del self._waiting[call]
        return calls

    def answered(self, call: int) -> None:
        self._waiting.pop(call, None)
