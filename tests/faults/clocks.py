"""Faults of the wall clock of one worker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .checker import Interval
from .history import now
from .http import Caller, Log
from .scene import Scene

HOUR = 3600.0


def clock_moved(by: float) -> Callable[[Scene], Any]:
    @contextmanager
    def inject(scene: Scene) -> Iterator[None]:
        worker, began = scene.dice.randrange(len(scene.fleet.ports)), now()
        move_clock(scene, worker, by)
        try:
            yield
        finally:
            move_clock(scene, worker, 0)
            scene.moved_clocks.append(Interval(start=began, end=now(), worker=worker))

    return inject


def move_clock(scene: Scene, worker: int, by: float) -> None:
    log = Log(scene.fleet.folder / "clock.jsonl")
    caller = Caller(scene.fleet.ports, log)
    done, _ = caller.request("clock", worker, "/faults/clock/", {"offset": by}, user=0)
    caller.close()
    log.close()
    assert done.succeeded, "the clock of a worker could not be moved"
