"""How often the threads of drf-lanyard in a server's processes wake up: unlike processor time, independent of speed."""

from ..fleet.kit import eventually
from ..fleet.worker import boot_clock
from .serving import Served

#: For the environment of a server that is asked.
NOTED = {"LANYARD_TEST_WAITS": "1"}
#: Seconds without a request; who wakes every three seconds is seen.
SPAN = 3.2
#: Of one thread in that time. A sign of life of push is 2, a read because of a hint too, the end of a lease up to 6.
FEW_WAKEUPS = 6


def wakeups(served: Served) -> list[int]:
    """Of each thread of ours in each process, while nobody asks anything."""
    began = boot_clock()
    pause(SPAN)
    threads = [times for answer in served.each("/inside/", "").values() for times in answer.body["waits"].values()]
    assert len(threads) >= len(served.workers())
    assert all(threads), "nothing is noted"
    return [sum(began <= at < began + SPAN for at in times) for times in threads]


def pause(seconds: float) -> None:
    ends = boot_clock() + seconds
    eventually(lambda: boot_clock() > ends)
