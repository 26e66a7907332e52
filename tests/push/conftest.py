"""A Valkey for these tests alone, and the places to push through."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from drf_lanyard import wiring
from drf_lanyard.core import follower as follower_module
from drf_lanyard.stores import push_postgres, push_redis

from ..fleet.kit import DEADLINE, eventually, reader_threads
from ..server_process import Server
from .places import Place, PostgresPlace, RedisPlace
from .scripted import Ears, push_threads


@pytest.fixture(scope="session")
def redis_server(start_valkey: Callable[[str], Server]) -> Server:
    """Only for tests here: they freeze and restart it."""
    server = start_valkey("push")
    server.stop()
    server.command += ["--unixsocket", server.folder / "socket"]
    server.start()
    return server


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """By the parameter `place`, one of `places.KINDS`."""
    if request.param == "postgres":
        return PostgresPlace()
    return RedisPlace(request.param, request.getfixturevalue("redis_server"))


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed in a fraction of a second, and pauses are short."""
    monkeypatch.setattr(follower_module, "HEARTBEAT", 0.1)
    monkeypatch.setattr(follower_module, "BACKOFF", (0.01, 0.05))
    monkeypatch.setattr(push_redis, "TIMEOUT", 0.3)
    monkeypatch.setattr(push_postgres, "TIMEOUT", 1)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is not noticed while a test lasts: whoever ends, ends because it was told to."""
    monkeypatch.setattr(follower_module, "HEARTBEAT", 3 * DEADLINE)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No test leaves a thread or a service behind."""
    yield
    wiring.reset()
    connection.close()  # this thread's, with which a test has looked at the server
    eventually(lambda: not push_threads() and not reader_threads())
