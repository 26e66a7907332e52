"""The machine's clocks."""

import time


class SystemClock:
    """Wall time, and time since boot: it cannot be set, and it goes on while the machine is suspended."""

    def time(self) -> float:
        return time.time()

    if hasattr(time, "CLOCK_BOOTTIME"):

        def steady(self) -> float:
            return time.clock_gettime(time.CLOCK_BOOTTIME)
    else:

        def steady(self) -> float:
            return time.monotonic()
