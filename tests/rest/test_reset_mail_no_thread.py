"""A process that can start no more threads drops mail, loudly, and sends again when it can."""

import logging
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.core import mail
from rest_framework.test import APIClient

from drf_lanyard.rest import reset_mail

DEADLINE = 20
ROOM = 3


def fail(*args: Any) -> None:
    raise RuntimeError("can't start new thread")


@pytest.fixture
def background(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(reset_mail, "MAX_WAITING", ROOM)
    made = reset_mail._Background()
    monkeypatch.setattr(reset_mail, "_background", made)
    yield made
    made._pool.shutdown()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nobody can start one, until this is undone."""
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        yield patch


def room(background: Any) -> int:
    """How many mails may be handed over; it is taken."""
    free = 0
    while background._room.acquire(timeout=0.05):
        free += 1
    return free


def test_no_room_is_lost(background: Any, threads: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(ROOM + 2):
        background.run(lambda: None)
    assert [record.levelno for record in caplog.records if "dropped" in record.message] == [logging.ERROR] * (ROOM + 2)
    assert "can't start new thread" in caplog.text
    threads.undo()
    sent = threading.Event()
    background.run(sent.set)
    assert sent.wait(DEADLINE)
    background._pool.shutdown()
    assert room(background) == ROOM


def test_what_could_not_begin_is_not_kept(background: Any, threads: pytest.MonkeyPatch) -> None:
    """Else it would be memory that nobody counts, and a link that comes an hour late."""
    sent: list[int] = []
    for number in range(5):
        background.run(partial(sent.append, number))
    threads.undo()
    background.run(partial(sent.append, 5))
    background._pool.shutdown()
    assert sent == [5]


def test_a_thread_that_there_is_goes_on(background: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second cannot be started: the first sends what waits all the same, and its room comes back."""
    held, begun, sent = threading.Event(), threading.Event(), []

    def first_mail() -> None:
        begun.set()
        held.wait(DEADLINE)
        sent.append(0)

    background.run(first_mail)
    assert begun.wait(DEADLINE)
    first = background._pool
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        background.run(partial(sent.append, 1))
    held.set()
    first.shutdown()
    assert sent == [0, 1]
    assert room(background) == ROOM


@pytest.mark.django_db
def test_the_answer_is_the_same(
    background: Any, threads: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Whoever asks learns nothing of it, nor whether there is such an account."""
    settings.LANYARD = {"PASSWORD_RESET_URL": "https://example.com/reset?uid={uid}&token={token}"}
    monkeypatch.setattr(reset_mail, "in_test_environment", lambda: False)
    response = APIClient().post("/auth/password/reset/", {"email": "alice@example.com"})
    assert (response.status_code, mail.outbox) == (204, [])
