"""The proxy does to connections what the table of faults says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fleet.kit import eventually

from .proxy import Proxy, Route

#: Seconds: long enough for what must come, and for what must not.
SOON, SILENCE = 10.0, 0.1


class Echo:
    """A server that sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.got = b""
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(1024):
                self.got += data
                connection.sendall(data)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


@contextmanager
def connected(route: Route) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", route.port), timeout=SOON) as client:
        yield client


def answered(client: socket.socket, text: bytes) -> bool:
    client.sendall(text)
    return client.recv(1024) == text


def has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(1024) == b""
    except ConnectionResetError:
        return True


def is_silent(client: socket.socket) -> bool:
    client.settimeout(SILENCE)
    try:
        client.recv(1024)
    except TimeoutError:
        return True
    finally:
        client.settimeout(SOON)
    return False


def test_it_passes(proxy: Proxy, echo: Echo) -> None:
    with connected(proxy.route(echo.port)) as client:
        assert answered(client, b"one")
        assert answered(client, b"two")
        assert not proxy.routes[-1].hindered


def test_what_is_held_arrives_later(proxy: Proxy, echo: Echo) -> None:
    route = proxy.route(echo.port)
    with connected(route) as client:
        assert answered(client, b"one")
        proxy.set_mode([route], "hold")
        client.sendall(b"two")
        with connected(route) as newcomer:
            newcomer.sendall(b"three")
            assert is_silent(client)
            assert is_silent(newcomer)
            assert echo.got == b"one"
            proxy.set_mode([route], "pass")
            assert (client.recv(1024), newcomer.recv(1024)) == (b"two", b"three")
    assert route.hindered == {"hold": 2}  # bytes, and a connection


def test_only_answers_are_held(proxy: Proxy, echo: Echo) -> None:
    route = proxy.route(echo.port)
    with connected(route) as client:
        assert answered(client, b"one")
        proxy.set_mode([route], "hold_answers")
        client.sendall(b"two")
        assert is_silent(client)
        eventually(lambda: echo.got == b"onetwo")
        proxy.set_mode([route], "pass")
        assert client.recv(1024) == b"two"
    assert route.hindered == {"hold_answers": 1}


def test_answers_are_late(proxy: Proxy, echo: Echo) -> None:
    route = proxy.route(echo.port)
    route.delay = 3 * SILENCE
    proxy.set_mode([route], "delay")
    with connected(route) as client:
        client.sendall(b"one")
        assert is_silent(client)
        assert client.recv(1024) == b"one"
    assert route.hindered == {"delay": 1}


def test_a_forgotten_connection_swallows_everything_and_new_ones_work(proxy: Proxy, echo: Echo) -> None:
    route = proxy.route(echo.port)
    with connected(route) as client:
        assert answered(client, b"one")
        proxy.forget([route])
        client.sendall(b"two")
        assert is_silent(client)
        with connected(route) as newcomer:
            assert answered(newcomer, b"three")
            assert echo.got == b"onethree"
            proxy.drop_forgotten([route])
            assert has_ended(client)
            assert answered(newcomer, b"four")
    assert route.hindered == {"forgotten": 1}


def test_a_server_that_is_not_there_and_another_in_its_place(proxy: Proxy, echo: Echo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        route = proxy.route(taken.getsockname()[1])
    with connected(route) as client:
        assert has_ended(client)
    proxy.redirect([route], echo.port)
    with connected(route) as client:
        assert answered(client, b"one")
