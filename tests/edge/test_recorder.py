"""The thread that writes down what requests have noted."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drf_lanyard import create_token
from drf_lanyard.models import ApiToken
from drf_lanyard.stores.recorder import Recorder

from .people import user

DEADLINE = 20.0


class Timers:
    """Stands in for threading.Timer: nothing happens until a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[Any] = []
        self.fails = False
        timers = self

        class Timer:
            daemon, name, cancelled = False, "", False

            def __init__(self, interval: float, run: Callable[[], None]) -> None:
                self.interval, self.run = interval, run

            def start(self) -> None:
                if timers.fails:
                    raise RuntimeError("can't start new thread")
                timers.started.append(self)

            def cancel(self) -> None:
                self.cancelled = True

        monkeypatch.setattr(threading, "Timer", Timer)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    return Timers(monkeypatch)


def test_many_uses_one_call(timers) -> None:
    calls: list[int] = []

    def flush() -> int:
        calls.append(1)
        return 0

    made = Recorder(flush, 60.0)
    for _ in range(100):
        made.wake()

    (timer,) = timers.started
    assert (timer.interval, timer.daemon, calls) == (60.0, True, [])
    timer.run()
    assert calls == [1] and len(timers.started) == 1
    made.wake()
    assert len(timers.started) == 2
    made.close()


def test_a_use_during_the_call_starts_another(timers) -> None:
    def flush() -> int:
        made.wake()
        return 0

    made = Recorder(flush)
    made.wake()
    timers.started[0].run()
    assert len(timers.started) == 2
    made.close()


def test_a_failure_is_logged_without_its_text_and_tried_again(timers, caplog) -> None:
    failures = [ConnectionError("password=s3cret")]
    succeeded: list[int] = []

    def flush() -> int:
        if failures:
            raise failures.pop()
        succeeded.append(1)
        return 1

    made = Recorder(flush)
    with caplog.at_level(logging.WARNING, "drf_lanyard"):
        for _ in range(2):
            made.wake()
            timers.started[-1].run()
    assert (failures, succeeded) == ([], [1])
    assert "ConnectionError" in caplog.text and "s3cret" not in caplog.text
    made.close()


def test_calls_that_hang_do_not_pile_up(timers) -> None:
    calls: list[int] = []

    def hang() -> int:
        calls.append(1)
        made.wake()
        timers.started[-1].run()  # the time of the next call has come
        return 0

    made = Recorder(hang)
    made.wake()
    timers.started[0].run()
    assert calls == [1]
    made.wake()
    timers.started[-1].run()
    assert calls == [1, 1]
    made.close()


def test_a_thread_that_cannot_start_refuses_no_request(timers) -> None:
    made = Recorder(lambda: 0)
    timers.fails = True
    made.wake()
    assert timers.started == []
    timers.fails = False
    made.wake()
    assert len(timers.started) == 1
    made.close()


def test_a_forked_child_starts_its_own(timers, monkeypatch) -> None:
    calls: list[int] = []

    def fork() -> int:
        """Forks in the middle of the parent's call; the child has no thread that could end it."""
        calls.append(1)
        if len(calls) == 1:
            monkeypatch.setattr(os, "getpid", lambda: -1)
            made.wake()
            timers.started[-1].run()
        return 0

    made = Recorder(fork)
    made.wake()
    timers.started[0].run()
    assert calls == [1, 1] and len(timers.started) == 2
    made.close()


def test_closing_cancels(timers) -> None:
    made = Recorder(lambda: 0)
    made.close()
    made.wake()
    made.close()
    assert timers.started[0].cancelled


def test_a_real_thread_that_ends() -> None:
    called, seen = threading.Event(), list[threading.Thread]()

    def flush() -> int:
        seen.append(threading.current_thread())
        called.set()
        return 0

    made = Recorder(flush, 0.0)
    made.wake()
    assert called.wait(DEADLINE)
    (thread,) = seen
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert thread is not threading.current_thread() and thread.daemon and thread.name == "drf-lanyard-recorder"
    made.close()


USE = """
import os, sys, threading, django
django.setup()
from drf_lanyard.wiring import get_api_tokens
from django.db import connection
principal = get_api_tokens().authenticate(sys.argv[1])
from drf_lanyard.models import ApiToken
row = ApiToken.objects.get()
print(row.last_used_at, [t.name for t in threading.enumerate() if t.name == "drf-lanyard-recorder"])
if len(sys.argv) > 2:
    connection.close()
    child = os.fork()
    if child == 0:
        get_api_tokens().authenticate(sys.argv[1])
        print([t.name for t in threading.enumerate() if t.name == "drf-lanyard-recorder"], flush=True)
        sys.exit(0)
    os.waitpid(child, 0)
    get_api_tokens()._used.clear()  # only the child is to write
"""


@pytest.mark.parametrize("forks", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_writes_what_it_has_noted(database: Any, forks: bool) -> None:
    token, _ = create_token(user("alice"), "CI")
    environment = {**database.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", USE, token, *(["fork"] if forks else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[0] == "None ['drf-lanyard-recorder']"  # nothing was written by the request
    assert done.stdout.splitlines()[1:] == (["['drf-lanyard-recorder']"] if forks else [])
    row = ApiToken.objects.get()
    assert row.last_used_at == pytest.approx(row.created_at, abs=60)
