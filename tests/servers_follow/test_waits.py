"""That what counts the wake-ups counts each kind of them, and nothing else."""

import queue
import selectors
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from drf_lanyard.core.model import LogRead

from ..fleet.kit import DEADLINE, a_reader
from . import waits

NAME = "drf-lanyard-tested"
#: How often a faulty thread wakes: more than a test of a server lets pass.
OFTEN = 10


@pytest.fixture(autouse=True)
def noting() -> Iterator[None]:
    before = threading.getprofile()
    waits.note_from_now_on()
    yield
    threading.setprofile(before)
    waits._noted.clear()


def run(action: Callable[[], Any], name: str = NAME) -> int:
    """How many waits are noted of a thread that does it often."""

    def often() -> None:
        for _ in range(OFTEN):
            action()

    thread = threading.Thread(target=often, name=name)
    thread.start()
    thread.join(DEADLINE)
    return len(waits.noted().get(name, ()))


def on_a_condition() -> None:
    with (condition := threading.Condition()):
        condition.wait(0.001)


def on_a_queue() -> None:
    with suppress(queue.Empty):
        queue.Queue[None]().get(timeout=0.001)


def on_a_socket() -> None:
    with selectors.DefaultSelector() as selector:
        selector.select(0.001)


@pytest.mark.parametrize(
    "action",
    [
        on_a_condition,
        lambda: threading.Event().wait(0.001),
        lambda: threading.Event().wait(0),
        on_a_queue,
        on_a_socket,
        lambda: time.sleep(0.001),
    ],
)
def test_each_wait_counts_once(action: Callable[[], Any]) -> None:
    assert run(action) == OFTEN


def test_what_does_not_wait_does_not_count() -> None:
    ready, lock, again = threading.Event(), threading.Lock(), threading.RLock()
    ready.set()

    def busy() -> None:
        ready.wait()
        lock.acquire()
        lock.release()
        again.acquire()
        again.acquire()
        assert threading.main_thread().is_alive()

    assert run(busy) == 0


def test_threads_of_others_do_not_count() -> None:
    run(lambda: time.sleep(0), name="somebody-else")
    assert waits.noted() == {}


class BusyLog:
    """Waits for its database often, as a commit to disk does."""

    def read(self, position: int) -> LogRead:
        for _ in range(OFTEN):
            threading.Event().wait(0.001)
        return LogRead(entries=(), floor=0, more_sequenced=False, more_unsequenced=False)

    def rest(self) -> None: ...
    def park(self) -> None: ...


def test_a_read_counts_once_whatever_it_does() -> None:
    with a_reader(BusyLog(), lease=1000.0) as reader:
        reader.fresh()
    assert 1 <= len(waits.noted()["drf-lanyard-reader"]) <= 2  # the read, and the wait after it unless it ended before


def test_who_only_reads_is_found_out() -> None:
    with a_reader(BusyLog()) as reader:
        assert run(reader._read) == OFTEN
