"""How often the threads of drf-lanyard in a server's processes wake up: unlike processor time, independent of speed."""

from pathlib import Path

from ..fleet.kit import eventually
from ..fleet.worker import boot_clock
from .serving import Served

#: Seconds without a request.
SPAN = 1.5
#: After at most so many such spans everything has come to rest.
SPANS = 4
#: Of one thread in that time.
FEW_WAKEUPS = 6


def wakeups(served: Served) -> list[int]:
    """Of each thread of ours in each process, while nobody asks anything."""
    threads = [
        Path(f"/proc/{pid}/task/{thread}/status")
        for pid, answer in served.each("/inside/", "").items()
        for thread in answer.body["threads"].values()
    ]
    assert len(threads) >= len(served.workers())
    for _ in range(SPANS):  # what was asked before may still be ending on a busy machine; who never sleeps is found out
        if max(during_a_span(threads)) <= FEW_WAKEUPS:
            break
    return during_a_span(threads)  # and this one counts


def during_a_span(threads: list[Path]) -> list[int]:
    before = [switches(thread) for thread in threads]
    pause(SPAN)
    return [switches(thread) - earlier for thread, earlier in zip(threads, before, strict=True)]


def switches(status: Path) -> int:
    """Each time that a thread goes to sleep is one."""
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return int(lines["voluntary_ctxt_switches"])


def pause(seconds: float) -> None:
    ends = boot_clock() + seconds
    eventually(lambda: boot_clock() > ends)
