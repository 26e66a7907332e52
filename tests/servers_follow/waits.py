"""In a server's process: when each thread of drf-lanyard goes to wait, or reads the log.

What the kernel counts is something else: one read with its commit to disk is a dozen switches, and a thread that wants
the interpreter while another one has it switches every 5 ms.
"""

import sys
import threading
from _thread import LockType
from collections import deque
from types import FrameType
from typing import Any

from ..fleet.worker import boot_clock

#: Functions in C in which a thread waits, whatever is above them: Condition, Event, Queue, selectors, redis-py.
WAITING = {"acquire", "sleep", "select", "poll", "recv", "recv_into"}
#: Who takes a lock without resting, in `threading`: to ask whose it is, to have it back, to ask if a thread is alive.
NOT_RESTING = {"Condition._is_owned", "Condition._acquire_restore", "Thread._wait_for_tstate_lock"}
#: A read of the log: counts itself, so that reading again and again is found out, and not what the driver does in it.
READ = "Reader._read"
#: How many are kept of one thread: far more than a test allows.
KEPT = 100_000

_noted: dict[str, deque[float]] = {}


def note_from_now_on() -> None:
    """Each thread that is started after this."""
    threading.setprofile(_begin)


def noted() -> dict[str, list[float]]:
    """By the name of the thread, on `boot_clock`."""
    return {name: list(times) for name, times in _noted.items()}


def _begin(frame: FrameType, event: str, called: Any) -> None:
    name = threading.current_thread().name
    if name.startswith("drf-lanyard"):
        _noted.setdefault(name, deque(maxlen=KEPT))
        sys.setprofile(_note)
    else:
        sys.setprofile(None)


def _note(frame: FrameType, event: str, called: Any) -> None:
    if (event == "call" and frame.f_code.co_qualname == READ) or (event == "c_call" and _waits(frame, called)):
        _noted[threading.current_thread().name].append(boot_clock())


def _waits(frame: FrameType, called: Any) -> bool:
    if called.__name__ not in WAITING or frame.f_code.co_qualname in NOT_RESTING:
        return False
    if called.__name__ == "acquire" and not _is_held(called.__self__):
        return False
    above: FrameType | None = frame
    while above is not None:
        if above.f_code.co_qualname == READ:
            return False
        above = above.f_back
    return True


def _is_held(lock: object) -> bool:
    """An RLock is not for resting on, and does not always say whose it is."""
    return isinstance(lock, LockType) and lock.locked()
