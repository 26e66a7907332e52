"""What push may do to the reader: add what is dead, and make it read soon. Its clock and its log are the tests'."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from drf_lanyard.core import reader as reader_module
from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.core.reader import FAILURE_PAUSE, Reader

from ..core.clocks import FakeClock
from ..core.test_reader import CountingClock, RealClock, ScriptedLog
from ..fleet.kit import DEADLINE, eventually

LEASE = 0.04  # real seconds for which the thread sleeps at most a quarter; the clock is the tests'


class Recording:
    """A follower that notes what the reader tells it."""

    name, connected, received = "recording", False, 0

    def __init__(self) -> None:
        self.told: list[str] = []
        self.sent: list[Entry] = []

    def follow(self, audience: object) -> None:
        self.told.append("follow")

    def rest(self) -> None:
        self.told.append("rest")

    def send(self, entries: Sequence[Entry]) -> None:
        self.sent += entries


@pytest.fixture
def make() -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make_reader(log: Any, clock: Any, push: Any = None, *, lease: float = LEASE) -> Reader:
        made.append(Reader(log, lease=lease, timeout=DEADLINE, clock=clock, push=push))
        return made[-1]

    yield make_reader
    for reader in made:
        reader.close()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """From what each delay was drawn; it is always the longest."""
    ranges: list[tuple[float, float]] = []

    def draw(least: float, most: float) -> float:
        ranges.append((least, most))
        return most

    monkeypatch.setattr("drf_lanyard.core.freshness.random.uniform", draw)
    return ranges


def settled(clock: CountingClock) -> None:
    """The thread has looked at the clock several times since, and had every reason to act."""
    looks = clock.looks
    eventually(lambda: clock.looks > looks + 3)


def test_a_hint_makes_it_read_once_within_a_quarter_of_the_lease(
    make: Callable[..., Reader], drawn: list[tuple[float, float]]
) -> None:
    log, clock = ScriptedLog(), CountingClock()
    reader = make(log, clock)
    reader.fresh()
    reader.hint()
    settled(clock)
    assert (drawn, log.reads) == ([(0, LEASE / 4)], 1)  # not at once, where the draw is long
    clock.advance(LEASE / 4)
    eventually(lambda: log.reads == 2)
    settled(clock)
    assert log.reads == 2


def test_many_hints_are_one_read_and_do_not_bring_it_forward(
    make: Callable[..., Reader], drawn: list[tuple[float, float]]
) -> None:
    """The least of many random delays would be none, and all processes would read at once."""
    log, clock = ScriptedLog(), CountingClock()
    reader = make(log, clock)
    reader.fresh()
    for _ in range(50):
        reader.hint()
    assert len(drawn) == 1
    clock.advance(LEASE / 4)
    eventually(lambda: log.reads == 2)
    settled(clock)
    assert log.reads == 2


def test_a_hint_renews_what_a_process_without_traffic_knows(make: Callable[..., Reader]) -> None:
    dead = Entry(uid=1, position=1, credential=7)
    log, clock = ScriptedLog(lambda n: LogRead(entries=(dead,) if n > 1 else (), floor=0)), CountingClock()
    reader = make(log, clock)
    reader.fresh()
    reader.hint()
    clock.advance(LEASE / 4)
    eventually(lambda: 7 in reader.snapshot.dead)


def test_hints_do_not_keep_a_process_reading_that_nobody_asks(make: Callable[..., Reader]) -> None:
    log, clock = ScriptedLog(), CountingClock()
    reader = make(log, clock)
    reader.fresh()
    for _ in range(40):  # ten leases
        reader.hint()
        clock.advance(LEASE / 4)
        settled_or_resting(reader, clock)
    assert 2 <= log.reads <= 6
    reader.fresh()
    asked = log.reads
    reader.hint()
    clock.advance(LEASE / 4)
    eventually(lambda: log.reads == asked + 1)


def settled_or_resting(reader: Reader, clock: CountingClock) -> None:
    """The thread has acted on what there was, or has nothing fresh and sleeps until somebody asks."""
    looks = clock.looks
    eventually(lambda: clock.looks > looks + 3 or clock.steady() >= reader._good_until)


def test_where_nothing_is_fresh_a_hint_does_nothing(make: Callable[..., Reader], drawn: list[Any]) -> None:
    log, clock = ScriptedLog(), CountingClock()
    reader = make(log, clock)
    reader.hint()  # before the first request there is not even a thread
    assert (reader._thread, drawn) == (None, [])
    reader.fresh()
    clock.advance(LEASE)
    reader.hint()
    assert (log.reads, drawn) == (1, [])


def test_a_hint_while_a_read_is_under_way_is_another_read(make: Callable[..., Reader], drawn: list[Any]) -> None:
    """The one that began before may not have seen it: so it is when a process's first read and push begin together."""
    reading, finish = threading.Event(), threading.Event()

    def behave(number: int) -> None:
        if number == 1:
            reading.set()
            assert finish.wait(DEADLINE)

    log, clock = ScriptedLog(behave), CountingClock()
    reader = make(log, clock)
    asked = threading.Thread(target=reader.fresh)
    asked.start()
    assert reading.wait(DEADLINE)
    reader.hint()
    finish.set()
    asked.join()
    clock.advance(LEASE / 4)
    eventually(lambda: log.reads == 2)


def test_hints_while_the_log_fails_do_not_spin(make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hinted at again and again, it is read once per pause after a failure."""
    monkeypatch.setattr("drf_lanyard.core.freshness.random.uniform", lambda least, most: 0.0)

    def behave(number: int) -> None:
        if number > 1:
            raise OSError("down")

    log, clock = ScriptedLog(behave), CountingClock()
    reader = make(log, clock, lease=0.4)
    reader.fresh()
    for number in (2, 3, 4):
        reader.hint()
        eventually(lambda number=number: reader._failures == number - 1)  # type: ignore[misc]
        for _ in range(20):
            reader.hint()
        settled(clock)
        assert log.reads == number
        clock.advance(FAILURE_PAUSE)


def test_a_pending_hint_does_not_spin(make: Callable[..., Reader], drawn: list[Any]) -> None:
    """It sleeps until then: looks at the clock are few, however long the clock stands."""
    log, clock = ScriptedLog(), CountingClock()
    reader = make(log, clock, lease=8.0)
    reader.fresh()
    reader.hint()
    looks = clock.looks
    time.sleep(0.1)
    assert clock.looks <= looks + 3


def test_push_never_moves_the_place_in_the_log(make: Callable[..., Reader]) -> None:
    log, clock = ScriptedLog(), FakeClock()
    reader = make(log, clock)
    reader.fresh()
    reader.add([Entry(uid=1, position=99, credential=7), Entry(uid=2, position=100, subject="1", epoch=3)])
    assert (reader.snapshot.position, reader.snapshot.dead) == (0, {7})
    clock.advance(LEASE)
    reader.fresh()
    assert log.positions == [0, 0]


def test_what_a_process_commits_counts_here_and_is_sent(make: Callable[..., Reader]) -> None:
    push, dead = Recording(), [Entry(uid=1, credential=7)]
    reader = make(ScriptedLog(), FakeClock(), push)
    reader.publish(dead)
    assert (push.sent, reader.snapshot.dead) == (dead, set())  # nothing is fresh here: a read comes first
    reader.fresh()
    reader.publish(dead)
    assert (push.sent, reader.snapshot.dead) == (dead * 2, {7})


def test_without_push_committing_is_adding(make: Callable[..., Reader]) -> None:
    reader = make(ScriptedLog(), FakeClock())
    reader.fresh()
    reader.publish([Entry(uid=1, credential=7)])
    assert 7 in reader.fresh().dead


def test_push_begins_with_the_first_read_and_goes_when_the_reader_rests(
    make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "IDLE_SECONDS", 0.02)
    push, log, clock = Recording(), ScriptedLog(), CountingClock()
    reader = make(log, clock, push)
    assert push.told == []
    reader.fresh()
    assert push.told == ["follow"]
    looks = clock.looks
    clock.advance(LEASE)
    eventually(lambda: clock.looks > looks + 1)
    clock.advance(1.0)
    eventually(lambda: push.told == ["follow", "rest"])
    reader.fresh()
    assert push.told == ["follow", "rest", "follow"]


def test_push_begins_before_the_read(make: Callable[..., Reader]) -> None:
    """So that nothing is said between a read and the subscription that nobody hears."""
    push = Recording()
    log = ScriptedLog(lambda number: push.told.append("read"))
    make(log, FakeClock(), push).fresh()
    assert push.told == ["follow", "read"]


def test_closing_the_reader_ends_push(make: Callable[..., Reader]) -> None:
    push = Recording()
    reader = make(ScriptedLog(), FakeClock(), push)
    reader.fresh()
    reader.close()
    eventually(lambda: push.told[-1] == "rest")
    with pytest.raises(StoreUnavailable):
        reader.fresh()


def test_whatever_push_does_the_verdicts_are_those_of_the_log(make: Callable[..., Reader]) -> None:
    """Messages lost, repeated, in any order, late: after a read, what is dead is what the log says and nothing less."""
    chance = random.Random(5)
    for _ in range(20):
        stored: list[Entry] = []
        log = ScriptedLog(lambda n, stored=stored: LogRead(entries=tuple(stored), floor=0))  # type: ignore[misc]
        clock = RealClock()
        reader = make(log, clock, lease=DEADLINE)
        reader.fresh()
        in_flight: list[Entry] = []
        for number in range(1, 40):
            if chance.random() < 0.5:
                entry = Entry(uid=number, position=len(stored) + 1, credential=number)
            else:
                entry = Entry(uid=number, position=len(stored) + 1, subject=str(number % 5), epoch=number)
            stored.append(entry)
            in_flight += [entry] * chance.choice([0, 1, 1, 3])
            chance.shuffle(in_flight)
            for _ in range(chance.randrange(3)):
                if in_flight:
                    reader.add([in_flight.pop()])
            if chance.random() < 0.1:
                reader.hint()
        reader._good_until = float("-inf")
        reader.fresh()
        for entry in in_flight:
            reader.add([entry])
        assert reader.snapshot.dead == {e.credential for e in stored if e.credential is not None}
        newest: dict[str, int] = {}
        for entry in stored:
            if entry.subject is not None:
                newest[entry.subject] = max(entry.epoch, newest.get(entry.subject, 0))
        assert {who: reader.snapshot.epochs.get(who) for who in newest} == newest
        reader.close()
