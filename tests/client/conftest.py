import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from drf_lanyard.client import LanyardAuth, MemoryTokens

from .fake import BASE, PASSWORD, Clock, FakeServer, HttpHandler


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def store() -> MemoryTokens:
    return MemoryTokens()


@pytest.fixture
def make_auth(server: FakeServer, store: MemoryTokens, clock: Clock) -> Callable[..., LanyardAuth]:
    """A new client on the same store: what a restarted process has."""

    def make(**options: Any) -> LanyardAuth:
        settings: dict[str, Any] = {"store": store, "clock": clock, "sleep": clock.sleep} | options
        return LanyardAuth(BASE, client=httpx.Client(transport=server), **settings)

    return make


@pytest.fixture
def auth(make_auth: Callable[..., LanyardAuth]) -> LanyardAuth:
    """A client that is signed in."""
    auth = make_auth()
    auth.login("alice", PASSWORD)
    return auth


@pytest.fixture
def api(server: FakeServer, auth: LanyardAuth) -> httpx.Client:
    return httpx.Client(transport=server, auth=auth)


@pytest.fixture
def http_server() -> Iterator[tuple[str, FakeServer]]:
    """The fake server behind a real port, for tests with several processes."""
    fake = FakeServer()
    listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (HttpHandler,), {"fake": fake}))
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}", fake
    listener.shutdown()
    listener.server_close()
    thread.join()
