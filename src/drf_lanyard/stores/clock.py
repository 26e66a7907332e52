"""The machine's clocks."""

import time as machine
from collections.abc import Callable
from functools import partial


def _steady_clock() -> Callable[[], float]:
    """Bound once: what freezes time in tests replaces the names that modules hold, and a lease must go on."""
    boot_time: int | None = getattr(machine, "CLOCK_BOOTTIME", None)
    if boot_time is None:
        return machine.monotonic
    return partial(machine.clock_gettime, boot_time)


class SystemClock:
    """Wall time, and time since boot: it cannot be set, and it goes on while the machine is suspended."""

    steady: Callable[[], float] = staticmethod(_steady_clock())

    def time(self) -> float:
        return machine.time()
