"""`lanyard_status --fleet`: who reads, and how. Real processes answer a call that comes through the log itself."""

import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from drf_lanyard import revoke_user
from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.fleet import HEARD, WAITING, Report, RollCalls
from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.models import FleetReport, Revocation, RevocationHead
from drf_lanyard.stores.fleet import answers, call_the_roll, end_call

from ..core.clocks import FakeClock
from ..databases import TestDatabase
from .crew import Worker, crew
from .kit import DEADLINE, a_reader, a_user, actors, append, eventually, orm_log, read_again, signed_in
from .test_sqlite import begin_immediate, commit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def roll() -> Iterator[Callable[[], int]]:
    """Calls that are ended with the test."""
    open_calls: list[int] = []

    def call() -> int:
        open_calls.append(call_the_roll("default"))
        return open_calls[-1]

    yield call
    for one in open_calls:
        end_call("default", one)


def pids(call: int) -> list[int]:
    return [answer["pid"] for answer in answers("default", call)]


def status(*arguments: str) -> str:
    out = io.StringIO()
    call_command("lanyard_status", "--fleet", *arguments, stdout=out)
    return out.getvalue()


def under_traffic(workers: list[Worker], token: str, meanwhile: Callable[[], Any]) -> Any:
    """What `meanwhile` returns, run in another thread while each worker checks the token again and again."""
    done = threading.Event()

    def work() -> Any:
        try:
            return meanwhile()
        finally:
            connection.close()
            done.set()

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(work)
        while not done.wait(0.05):
            assert [worker.ask("ask", token) for worker in workers] == ["ok"] * len(workers)
        return result.result()


def test_every_process_that_reads_answers_and_one_that_stands_still_is_missing(database: TestDatabase) -> None:
    token = signed_in(a_user()).access
    revoke_user(a_user("bob"))
    with crew(database, 3) as workers:
        assert [worker.ask("ask", token) for worker in workers] == ["ok"] * 3
        eventually(lambda: RevocationHead.objects.filter(position__gt=0).exists())
        numbered = RevocationHead.objects.get()
        report = under_traffic(workers, token, lambda: json.loads(status("--json", "--wait", "4")))
        found = report["fleet"]["processes"]
        assert {one["pid"] for one in found} == {worker.process.pid for worker in workers}
        for one in found:
            assert one["position"] >= numbered.position
            assert (one["dead"], one["epochs"], one["failures"], one["push"]) == (0, 1, 0, "")
            assert 0 <= one["after"] <= 4
            assert 0 <= one["age"] <= one["running"]
        assert not FleetReport.objects.exists()

        workers[0].stop()
        try:
            text = under_traffic(workers[1:], token, lambda: status("--wait", "3"))
        finally:
            workers[0].go_on()
        rows = text.partition("\nfleet\n")[2].splitlines()
        assert rows[0].startswith("  2 processes answered within 3 s.")
        assert {row.split()[1] for row in rows[2:]} == {str(worker.process.pid) for worker in workers[1:]}


def test_a_process_answers_a_call_once(roll: Callable[[], int]) -> None:
    with a_reader() as reader:
        reader.fresh()
        first = roll()
        read_again(reader)
        eventually(lambda: pids(first) == [os.getpid()])
        for _ in range(3):
            read_again(reader)
        second = roll()
        eventually(lambda: read_again(reader) and pids(second) == [os.getpid()])
        assert pids(first) == [os.getpid()]


def test_calls_that_a_process_finds_at_its_first_read_are_not_answered(roll: Callable[[], int]) -> None:
    old = roll()
    with a_reader() as reader:
        reader.fresh()
        new = roll()
        eventually(lambda: read_again(reader) and pids(new))
        assert pids(old) == []


def test_a_call_that_is_over_leaves_nothing_behind() -> None:
    with a_reader() as reader:
        reader.fresh()
        over = call_the_roll("default")
        end_call("default", over)
        (entry,) = reader.log.read(0).entries
        assert entry.uid == over
        reader.log.report(over, reader.report())
        assert not FleetReport.objects.exists()


def test_what_a_call_that_was_cut_short_left_behind_is_deleted_later(roll: Callable[[], int]) -> None:
    left, recent = call_the_roll("default"), roll()
    FleetReport.objects.filter(call=left).update(reported_at=1.0)
    end_call("default", roll())
    assert set(FleetReport.objects.values_list("call", flat=True)) == {recent}


def test_an_answer_that_fails_is_tried_again_and_harms_no_read(
    roll: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    log = orm_log()
    answer, refused, answered = log.report, threading.Event(), threading.Event()

    def report(call: int, report: Any) -> None:
        if not refused.is_set():
            refused.set()
            raise RuntimeError("a table that is not there")
        answer(call, report)
        answered.set()

    log.report = report  # type: ignore[method-assign]
    with caplog.at_level(logging.INFO, logger="drf_lanyard"), a_reader(log) as reader:
        reader.fresh()
        call = roll()
        # Without a look at the table meanwhile: SQLite would be busy with that, and put the answer off once more.
        eventually(lambda: read_again(reader) and answered.is_set())
        assert pids(call)
        assert reader._failures == 0
    assert [(r.levelname, r.message) for r in caplog.records if "roll call" in r.message] == [
        ("INFO", "Answering a roll call was put off (RuntimeError).")
    ]


@pytest.mark.databases("sqlite")
def test_a_busy_sqlite_puts_the_answer_off_and_reading_goes_on(roll: Callable[[], int]) -> None:
    with actors(1) as (writer,), a_reader(lease=0.05) as reader:
        reader.fresh()
        call = call_the_roll("default")
        writer.do(begin_immediate)
        try:
            for _ in range(3):
                read_again(reader)
            assert (reader._failures, pids(call)) == (0, [])
        finally:
            writer.do(commit)
        end_call("default", call)
        again = roll()
        eventually(lambda: read_again(reader) and pids(again))


def test_an_idle_process_does_not_answer(database: TestDatabase) -> None:
    """It does not read, so it accepts nothing either before it has read."""
    token = signed_in(a_user()).access
    with crew(database, 1) as (worker,):
        assert worker.ask("ask", token) == "ok"
        text = status("--wait", "0.2")
    assert "no process answered within 0.2 s" in text


@pytest.mark.parametrize("wait", ["0", "-1", "nan", "inf", "soon"])
def test_nonsense_is_refused(wait: str) -> None:
    with pytest.raises(CommandError, match="--wait"):
        status("--wait", wait)
    assert not Revocation.objects.exists()


def test_the_log_tells_what_is_in_it(roll: Callable[[], int]) -> None:
    append()
    append(subject="1", epoch=1)
    append(subject="2", epoch=1)
    roll()
    out = io.StringIO()
    call_command("lanyard_status", "--json", stdout=out)
    log = json.loads(out.getvalue())["log"]
    assert (log["length"], log["credentials"], log["users"]) == (4, 1, 2)


# Beside reading


class CalledLog:
    """Has a new roll call at every read; `answering` stands for the statement that stores the answer."""

    def __init__(self, answering: Callable[[int], None]) -> None:
        self.answering = answering
        self.answered: list[int] = []
        self.interrupted = threading.Event()
        self.uid = 0

    def read(self, position: int) -> LogRead:
        self.uid += 1
        return LogRead(entries=(Entry(uid=self.uid),), floor=0)

    def sequence(self) -> int:
        return 0

    def report(self, call: int, report: Report) -> None:
        self.answering(call)
        self.answered.append(call)

    def interrupt(self) -> None:
        self.interrupted.set()

    def rest(self) -> None: ...


def test_an_answer_that_hangs_is_cut_off_and_reading_goes_on() -> None:
    def hangs_once(call: int) -> None:
        if call == 2 and not log.interrupted.wait(DEADLINE):
            raise AssertionError("it was never cut off")

    log = CalledLog(hangs_once)
    with a_reader(log, lease=0.02, timeout=0.2) as reader:
        with pytest.raises(StoreUnavailable):
            while not log.interrupted.is_set():
                reader.fresh()

        def reads() -> bool:
            with suppress(StoreUnavailable):
                return reader.fresh().position == 0 and log.uid > 4
            return False

        eventually(reads)


def test_a_read_that_is_due_comes_before_an_answer() -> None:
    log, clock = CalledLog(lambda call: None), FakeClock()
    with a_reader(log, lease=1.0, clock=clock) as reader:
        reader.fresh()
        me: Any = None  # as if this were its thread, which is still waiting for the clock
        with reader._lock:
            me, reader._thread = reader._thread, threading.current_thread()
        reader._calls.hear([Entry(uid=99)], answers=True)
        reader._traffic = 1
        clock.advance(0.6)
        reader._catch_up().answer_calls()
        assert log.answered == []
        reader._traffic = 0
        reader._catch_up().answer_calls()
        assert log.answered == [99]
        reader._thread = me


# The memory of calls


def a_call(uid: int) -> Entry:
    return Entry(uid=uid, position=uid)


def test_a_call_is_heard_once_and_tried_a_few_times() -> None:
    calls = RollCalls()
    for _ in range(3):
        calls.hear([a_call(1), Entry(uid=2, credential=5), Entry(uid=3, subject="1", epoch=1)], answers=True)
    tries = 0
    while calls.due() == [1]:
        tries += 1
    assert 1 < tries < 10
    calls.hear([a_call(1)], answers=True)
    assert calls.due() == []


def test_after_a_long_sleep_only_the_latest_calls_are_answered() -> None:
    calls = RollCalls()
    calls.hear([a_call(uid) for uid in range(1, 100)], answers=True)
    assert calls.due() == list(range(100 - WAITING, 100))


def test_the_memory_is_bounded() -> None:
    calls = RollCalls()
    calls.hear([a_call(uid) for uid in range(1, 3 * HEARD)], answers=False)
    assert len(calls._heard) <= HEARD
    assert calls.due() == []
