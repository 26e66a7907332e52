"""The reader: fresh, or wait, or refuse. Its thread is real; the clock and the log are the tests'."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from drf_lanyard.core import reader as reader_module
from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.core.reader import FAILURE_PAUSE, Reader

from .clocks import FakeClock

#: How long a test waits for something that happens on another thread, at most.
PATIENCE = 20.0


class RealClock(FakeClock):
    def steady(self) -> float:
        return time.monotonic()


class CountingClock(FakeClock):
    """Counts how often the reader's thread has looked at it."""

    looks = 0

    def steady(self) -> float:
        if threading.current_thread().name == "drf-lanyard-reader":
            self.looks += 1
        return super().steady()


class ScriptedLog:
    """Every read does what `behave` does, with the number of the read."""

    def __init__(self, behave: Callable[[int], LogRead | None] = lambda number: None) -> None:
        self.behave = behave
        self.reads = 0
        self.positions: list[int] = []
        self.sequenced = 0
        self.restored: list[Entry] = []
        self.rested = threading.Event()
        self.interrupted = threading.Event()

    def read(self, position: int) -> LogRead:
        self.reads += 1
        self.positions.append(position)
        return self.behave(self.reads) or LogRead(entries=(), floor=0)

    def sequence(self) -> int:
        self.sequenced += 1
        return 1

    def restore(self, entries: Sequence[Entry]) -> None:
        self.restored += entries

    def interrupt(self) -> None:
        self.interrupted.set()

    def rest(self) -> None:
        self.rested.set()

    def park(self) -> None:
        raise AssertionError("nobody forked")


@pytest.fixture
def make() -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make_reader(log: object, clock: object, *, lease: float = 1.0, timeout: float = PATIENCE) -> Reader:
        made.append(Reader(log, lease=lease, timeout=timeout, clock=clock))  # type: ignore[arg-type]
        return made[-1]

    yield make_reader
    for reader in made:
        reader.close()


def eventually(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.001)


def test_nothing_is_read_before_the_first_request(make: Callable[..., Reader]) -> None:
    log = ScriptedLog()
    reader = make(log, FakeClock())

    assert (log.reads, reader._thread) == (0, None)


def test_one_read_serves_every_request_of_the_lease(make: Callable[..., Reader]) -> None:
    log, clock = ScriptedLog(), FakeClock()
    reader = make(log, clock)

    for _ in range(100):
        reader.fresh()
    assert log.reads == 1

    clock.advance(1.0)
    reader.fresh()
    assert log.reads == 2


def test_the_lease_counts_from_the_start_of_the_read(make: Callable[..., Reader]) -> None:
    clock = FakeClock()
    log = ScriptedLog(lambda number: clock.advance(0.7))
    reader = make(log, clock)
    reader.fresh()

    clock.advance(0.29)
    reader.fresh()
    assert log.reads == 1

    clock.advance(0.02)
    reader.fresh()
    assert log.reads == 2


def test_one_read_that_began_after_they_arrived_serves_everyone_however_slow(make: Callable[..., Reader]) -> None:
    """And one that began before they arrived serves none of them, once it has outlived the lease: no convoy, no gap."""
    clock, started, finish = FakeClock(), threading.Event(), threading.Event()

    def behave(number: int) -> None:
        if number == 1:
            started.set()
            assert finish.wait(PATIENCE)
        clock.advance(1.5)

    log = ScriptedLog(behave)
    reader = make(log, clock)
    with ThreadPoolExecutor(21) as pool:
        waiting = [pool.submit(reader.fresh)]
        assert started.wait(PATIENCE)
        clock.advance(0.5)
        waiting += [pool.submit(reader.fresh) for _ in range(20)]
        eventually(lambda: len(reader._done._waiters) == 21)  # type: ignore[attr-defined]
        finish.set()
        assert all(request.result(PATIENCE) is reader.snapshot for request in waiting)

    assert log.reads == 2


def test_a_failed_read_refuses_those_who_wait_and_then_everyone_for_a_moment(make: Callable[..., Reader]) -> None:
    def behave(number: int) -> None:
        if number == 1:
            raise OSError("down")

    log, clock = ScriptedLog(behave), FakeClock()
    reader = make(log, clock)

    with pytest.raises(StoreUnavailable):
        reader.fresh()
    with pytest.raises(StoreUnavailable):
        reader.fresh()
    assert log.reads == 1  # the second was refused without asking

    clock.advance(FAILURE_PAUSE)
    reader.fresh()
    assert log.reads == 2


def test_an_outage_is_not_noticed_within_the_lease_and_never_outlasts_it(make: Callable[..., Reader]) -> None:
    down = threading.Event()

    def behave(number: int) -> None:
        if down.is_set():
            raise OSError("down")

    log, clock = ScriptedLog(behave), FakeClock()
    reader = make(log, clock)
    reader.fresh()
    down.set()

    clock.advance(0.999)
    reader.fresh()
    clock.advance(0.001)
    with pytest.raises(StoreUnavailable):
        reader.fresh()


def test_failing_reads_do_not_spin(make: Callable[..., Reader]) -> None:
    """Traffic within the lease keeps asking for a read at half time; one that fails is not repeated at once."""

    def behave(number: int) -> None:
        if number > 1:
            raise OSError("down")

    clock = CountingClock()
    log = ScriptedLog(behave)
    reader = make(log, clock, lease=0.02)
    reader.fresh()
    clock.advance(0.011)
    reader.fresh()
    eventually(lambda: log.reads == 2)
    reader.fresh()
    looks = clock.looks
    eventually(lambda: clock.looks > looks + 3)

    assert log.reads == 2


def test_a_hung_read_is_cut_off_and_another_thread_takes_over(make: Callable[..., Reader]) -> None:
    release = threading.Event()

    def behave(number: int) -> LogRead | None:
        if number == 1:
            assert release.wait(PATIENCE)
            return LogRead(entries=(Entry(uid=1, position=9, credential=9),), floor=0)
        return None

    log = ScriptedLog(behave)
    reader = make(log, RealClock(), lease=PATIENCE, timeout=0.05)

    eventually(lambda: _refused(reader) and log.interrupted.is_set())
    eventually(lambda: not _refused(reader))
    release.set()
    eventually(lambda: sum(t.name == "drf-lanyard-reader" for t in threading.enumerate()) == 1)

    assert reader.snapshot.dead == set()  # what the abandoned thread brought late was not applied


def _refused(reader: Reader) -> bool:
    try:
        reader.fresh()
    except StoreUnavailable:
        return True
    return False


def test_traffic_renews_the_lease_without_anyone_waiting(make: Callable[..., Reader]) -> None:
    log, clock = ScriptedLog(), FakeClock()
    reader = make(log, clock, lease=0.02)
    reader.fresh()
    clock.advance(0.011)
    reader.fresh()  # within the lease: not served by a read, but noticed

    eventually(lambda: log.reads == 2)


def test_an_idle_process_reads_nothing_and_lets_go_of_its_connection(
    make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "IDLE_SECONDS", 0.02)
    log, clock = ScriptedLog(), CountingClock()
    reader = make(log, clock, lease=0.02)
    reader.fresh()
    looks = clock.looks
    clock.advance(0.011)
    eventually(lambda: clock.looks > looks + 3)
    clock.advance(1.0)
    eventually(log.rested.is_set)

    assert log.reads == 1
    reader.fresh()
    assert log.reads == 2


def test_lost_commits_are_given_back_before_anything_is_trusted(make: Callable[..., Reader]) -> None:
    held = Entry(uid=1, position=3, credential=33)

    def behave(number: int) -> LogRead:
        return LogRead(entries=(held,) if number == 1 else (), floor=0)

    log, clock = ScriptedLog(behave), FakeClock()
    reader = make(log, clock)
    reader.fresh()
    clock.advance(1.0)
    reader.fresh()

    assert [e.credential for e in log.restored] == [33]
    assert reader.snapshot.dead == {33}
    assert log.positions == [0, 3, 0, 0]  # once to compare, and once more to apply


def test_a_reader_that_is_closed_while_it_reads_everything_gives_nothing_back(make: Callable[..., Reader]) -> None:
    held = Entry(uid=1, position=3, credential=33)

    def behave(number: int) -> LogRead:
        if number == 2:
            reader.close()
        return LogRead(entries=(held,) if number == 1 else (), floor=0)

    log, clock = ScriptedLog(behave), FakeClock()
    reader = make(log, clock)
    reader.fresh()
    thread = reader._thread
    clock.advance(1.0)
    with pytest.raises(StoreUnavailable):
        reader.fresh()

    assert thread is not None
    thread.join(PATIENCE)
    assert log.restored == []


def test_giving_back_is_tried_again_when_it_fails(make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch) -> None:
    held = Entry(uid=1, position=3, credential=33)
    log, clock = ScriptedLog(lambda n: LogRead(entries=(held,) if n == 1 else (), floor=0)), FakeClock()
    reader = make(log, clock)
    reader.fresh()
    restore = log.restore

    def fail(entries: Sequence[Entry]) -> None:
        monkeypatch.setattr(log, "restore", restore)
        raise OSError("down")

    monkeypatch.setattr(log, "restore", fail)
    clock.advance(1.0)
    with pytest.raises(StoreUnavailable):
        reader.fresh()
    clock.advance(1.0)
    reader.fresh()

    assert [e.credential for e in log.restored] == [33]


def test_entries_without_a_position_are_sequenced_after_the_requests_are_served(
    make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Entry(uid=1, credential=33)
    log, clock = ScriptedLog(lambda n: LogRead(entries=(new,) if n == 1 else (), floor=0)), FakeClock()
    reader = make(log, clock)

    assert 33 in reader.fresh().dead
    eventually(lambda: log.sequenced == 1)
    clock.advance(1.0)
    reader.fresh()

    assert log.sequenced == 1


def test_sequencing_that_fails_hurts_nobody(make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch) -> None:
    log = ScriptedLog(lambda n: LogRead(entries=(Entry(uid=1, credential=33),), floor=0))
    clock, tried = FakeClock(), threading.Event()

    def fail() -> int:
        tried.set()
        raise OSError("busy")

    monkeypatch.setattr(log, "sequence", fail)
    reader = make(log, clock)
    reader.fresh()
    assert tried.wait(PATIENCE)
    clock.advance(1.0)

    assert 33 in reader.fresh().dead


def test_what_this_process_revoked_counts_at_once(make: Callable[..., Reader]) -> None:
    reader = make(ScriptedLog(), FakeClock())
    reader.fresh()
    reader.add([Entry(uid=1, credential=33)])

    assert 33 in reader.fresh().dead


def test_a_closed_reader_refuses_and_its_thread_ends(make: Callable[..., Reader]) -> None:
    log = ScriptedLog()
    reader = make(log, FakeClock())
    reader.fresh()
    thread = reader._thread
    assert thread is not None

    reader.close()
    thread.join(PATIENCE)

    assert not thread.is_alive() and log.rested.is_set()
    with pytest.raises(StoreUnavailable):
        reader.fresh()


def test_an_event_loop_goes_on_while_a_read_is_awaited(make: Callable[..., Reader]) -> None:
    finish = threading.Event()
    reader = make(ScriptedLog(lambda number: assert_waited(finish)), FakeClock())

    async def main() -> bool:
        waiting = asyncio.create_task(reader.afresh())
        await asyncio.sleep(0)
        finish.set()  # only a loop that is not blocked gets here
        return await waiting is reader.snapshot and await reader.afresh() is reader.snapshot

    assert asyncio.run(main())


def assert_waited(event: threading.Event) -> None:
    assert event.wait(PATIENCE)
