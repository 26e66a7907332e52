"""What one injection acts on, and what it leaves behind for the judge."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from .checker import Interval
from .fleet import Fleet
from .history import Operation

#: What is gone while the fault lasts, and so what may be seen. "nothing": no client notices anything but latency.
#: "database": 503, or no answer where a view of its own waits for the database. "worker": the same, of one worker.
Loses = Literal["nothing", "database", "worker"]


@dataclass(kw_only=True)
class Scene:
    """The fleet, dice, and what has been done to it."""

    fleet: Fleet
    dice: random.Random
    hold: float
    moved_clocks: list[Interval] = field(default_factory=list)
    lost_commits: list[Interval] = field(default_factory=list)
    #: What went wrong while injecting.
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of the table. `inject` begins it, and ends it when the block is left."""

    name: str
    inject: Callable[[Scene], AbstractContextManager[None]]
    loses: Loses
    #: Signs that must be seen, by the watch (watch.py) or in the history (report.py): else nothing was injected.
    felt: tuple[str, ...] = ()
    #: Seconds for which it lasts in the full run.
    lasts: float = 4.0
    #: What it needs: "valkey", "push", "postgres"; a row without it is left out.
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A fault: from `begin` to `end` it lasts; what it has caused counts until `over`."""

    fault: Fault
    begin: float
    end: float
    over: float
    recovered: bool
    #: What the watch saw.
    seen: frozenset[str] = frozenset()

    def holds(self, operation: Operation) -> bool:
        return self.begin <= operation.start < self.over
