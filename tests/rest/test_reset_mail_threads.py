"""The threads that send mail: a mail makes room for the next one, and leaves no connection open."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connections

from drf_lanyard.rest import reset_mail

DEADLINE = 20


def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("work", [lambda: None, fail], ids=["sent", "failed"])
def test_a_mail_that_has_left_makes_room(
    work: Callable[[], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reset_mail, "MAX_WAITING", 2)
    background = reset_mail._Background()
    try:
        for _ in range(5):
            background.run(partial(reset_mail._in_thread, work))
            assert background._room.acquire(timeout=DEADLINE), "no room again"
            background._room.release()
    finally:
        background._pool.shutdown()
    assert "dropped" not in caplog.text


def test_what_does_not_fit_is_dropped_loudly(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(reset_mail, "MAX_WAITING", 2)
    background = reset_mail._Background()
    held = threading.Event()
    sent: list[int] = []

    def send(number: int) -> None:
        held.wait(DEADLINE)
        sent.append(number)

    try:
        for number in range(3):
            background.run(partial(send, number))
        assert [record.levelno for record in caplog.records if "dropped" in record.message] == [logging.ERROR]
    finally:
        held.set()
        background._pool.shutdown()
    assert sorted(sent) == [0, 1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("then", [lambda: None, fail], ids=["sent", "failed"])
def test_a_thread_leaves_no_connection_open(then: Callable[[], None]) -> None:
    """A server's connections are few, and this thread may be idle for days."""
    seen: list[Any] = []

    def work() -> None:
        wrapper = connections["default"]
        wrapper.ensure_connection()
        seen.append((wrapper, wrapper.connection))
        then()

    thread = threading.Thread(target=reset_mail._in_thread, args=[work])
    thread.start()
    thread.join(DEADLINE)
    ((wrapper, opened),) = seen
    assert opened is not None
    assert wrapper.connection is None
