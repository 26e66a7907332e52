"""Many request threads and one reader: one read serves all, nobody starves, and a dead database is refused at once."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.model import LogRead
from drf_lanyard.core.reader import FAILURE_PAUSE, Reader
from drf_lanyard.stores import clock
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.orm_log import OrmLog

from .kit import DEADLINE, a_reader, append, eventually, orm_log

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 24


class Watched:
    """The real log, with its reads counted, and made to wait or fail."""

    def __init__(self, log: OrmLog) -> None:
        self.log = log
        self.reads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def read(self, position: int) -> LogRead:
        self.reads += 1
        assert self.gate.wait(DEADLINE)
        if self.error is not None:
            raise self.error
        return self.log.read(position)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.log, name)


class SetClock:
    """Stands still until it is told to move. The wall can be set; the lease must not care."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.since_boot = 1000.0

    def time(self) -> float:
        return self.wall

    def steady(self) -> float:
        return self.since_boot


@pytest.fixture
def watched() -> Iterator[Watched]:
    log = orm_log(timeout=DEADLINE)
    yield Watched(log)
    log.rest()


def crowd(reader: Any, pool: ThreadPoolExecutor) -> list[Any]:
    together = threading.Barrier(CROWD)

    def request() -> set[int]:
        together.wait(DEADLINE)
        return set(reader.fresh().dead)

    return [pool.submit(request) for _ in range(CROWD)]


def test_one_read_serves_everybody_and_the_lease_needs_none(watched: Watched) -> None:
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader, ThreadPoolExecutor(CROWD) as pool:
        reader.fresh()
        assert watched.reads == 1
        dead = append()
        hands.since_boot += 0.4
        assert [one.result(DEADLINE) for one in crowd(reader, pool)] == [set()] * CROWD
        assert watched.reads == 1  # within the lease, and it is not half over
        watched.gate.clear()
        hands.since_boot += 0.7
        waiting = crowd(reader, pool)
        eventually(lambda: len(reader._done._waiters) == CROWD)  # type: ignore[attr-defined]
        watched.gate.set()
        assert [one.result(DEADLINE) for one in waiting] == [{dead}] * CROWD
        assert watched.reads == 2


def test_a_read_that_takes_longer_than_the_lease_starves_nobody(watched: Watched) -> None:
    """Its result is out of date when it arrives, and still newer than the requests that waited for it."""
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader, ThreadPoolExecutor(CROWD) as pool:
        for _ in range(3):
            watched.gate.clear()
            hands.since_boot += 2.0
            before, waiting = watched.reads, crowd(reader, pool)
            eventually(lambda: len(reader._done._waiters) == CROWD)  # type: ignore[attr-defined]
            hands.since_boot += 5.0  # the read takes five leases
            watched.gate.set()
            for one in waiting:
                one.result(DEADLINE)
            assert watched.reads == before + 1
            assert hands.since_boot > reader._good_until


def test_a_request_is_not_served_by_a_read_that_began_before_it(watched: Watched) -> None:
    """What was revoked in between would be missing."""
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader, ThreadPoolExecutor(2) as pool:
        watched.gate.clear()
        first = pool.submit(reader.fresh)
        eventually(lambda: watched.reads == 1)
        hands.since_boot += 5.0
        second = pool.submit(lambda: set(reader.fresh().dead))
        eventually(lambda: len(reader._done._waiters) == 2)  # type: ignore[attr-defined]
        dead = append()
        watched.gate.set()
        first.result(DEADLINE)
        assert dead in second.result(DEADLINE)
        assert watched.reads == 2


def test_after_a_failed_read_everybody_is_refused_at_once(watched: Watched) -> None:
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader, ThreadPoolExecutor(CROWD) as pool:
        watched.error = OSError("no route to the database")
        watched.gate.clear()
        waiting = crowd(reader, pool)
        eventually(lambda: len(reader._done._waiters) == CROWD)  # type: ignore[attr-defined]
        watched.gate.set()
        for one in waiting:
            with pytest.raises(StoreUnavailable):
                one.result(DEADLINE)
        assert watched.reads == 1
        hands.since_boot += FAILURE_PAUSE / 2
        for one in crowd(reader, pool):
            with pytest.raises(StoreUnavailable):
                one.result(DEADLINE)
        assert watched.reads == 1, "a request has waited for a database that is known to be dead"
        watched.error = None
        hands.since_boot += FAILURE_PAUSE
        assert reader.fresh() is reader.snapshot
        assert watched.reads == 2


def test_a_sequencing_that_hangs_is_cut_off_like_a_read(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that falls silent just then; the reading would wait behind it for ever."""
    interrupted = threading.Event()

    def hang() -> int:
        assert interrupted.wait(DEADLINE)
        raise OSError("cut off")

    monkeypatch.setattr(watched.log, "sequence", hang)
    monkeypatch.setattr(watched.log, "interrupt", interrupted.set)
    append()
    with a_reader(watched, lease=0.02, timeout=0.2) as reader:
        try:
            reader.fresh()
            eventually(lambda: _refused(reader), within=2)
            assert interrupted.wait(2)
            monkeypatch.undo()
            eventually(lambda: not _refused(reader) and watched.reads > 1, within=2)
        finally:
            interrupted.set()


def _refused(reader: Reader) -> bool:
    try:
        reader.fresh()
    except StoreUnavailable:
        return True
    return False


def test_a_failing_read_never_prolongs_the_lease(watched: Watched) -> None:
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader:
        reader.fresh()
        watched.error = OSError("no route to the database")
        hands.since_boot += 0.99
        reader.fresh()
        eventually(lambda: reader._failures == 1)  # by itself, since half the lease was over
        reader.fresh()
        hands.since_boot += 0.02
        with pytest.raises(StoreUnavailable):
            reader.fresh()


def test_the_lease_counts_from_the_start_of_the_read(watched: Watched) -> None:
    """What commits while it runs may be missing from it."""
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader, ThreadPoolExecutor(1) as pool:
        watched.gate.clear()
        waiting = pool.submit(reader.fresh)
        eventually(lambda: watched.reads == 1)
        hands.since_boot += 0.9
        watched.gate.set()
        waiting.result(DEADLINE)
        watched.error = OSError("no route to the database")
        hands.since_boot += 0.05
        reader.fresh()
        hands.since_boot += 0.06
        with pytest.raises(StoreUnavailable):
            reader.fresh()


@pytest.mark.parametrize("hours", [-1, 1])
def test_setting_the_wall_clock_changes_nothing_in_the_lease(watched: Watched, hours: int) -> None:
    hands = SetClock()
    with a_reader(watched, lease=1.0, clock=hands) as reader:
        reader.fresh()
        hands.wall += hours * 3600.0
        hands.since_boot += 0.4
        reader.fresh()
        assert watched.reads == 1
        watched.error = OSError("no route to the database")
        hands.since_boot += 0.7
        with pytest.raises(StoreUnavailable):
            reader.fresh()


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux only")
def test_the_lease_goes_on_while_the_machine_sleeps() -> None:
    """Only CLOCK_BOOTTIME does; by CLOCK_MONOTONIC a laptop would wake up trusting an old read."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    now = SystemClock().steady()
    assert before <= now <= time.clock_gettime(time.CLOCK_BOOTTIME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 17.0}.__getitem__)
        assert clock._steady_clock()() == 17.0
