"""The database hangs, dies, comes back or turns into a standby: no accept past the lease, and no restart needed."""

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.reader import Reader
from drf_lanyard.models import Revocation

from ..databases import TestDatabase
from ..server_process import Server
from .kit import DEADLINE, a_reader, a_user, actors, append, eventually, read_again, reader_threads, signed_in
from .own_server import family, frozen, open_sockets
from .worker import boot_clock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("postgres", "mariadb"),
]
#: Seconds. A request may take the timeout; the allowance is for a busy machine, a hang would last for ever.
LEASE, TIMEOUT, ALLOWANCE = 0.2, 0.5, 3.0


@pytest.fixture
def server(own: TestDatabase) -> Server:
    assert own.server is not None
    return own.server


@pytest.fixture
def reader(server: Server) -> Iterator[Reader]:
    with a_reader(lease=LEASE, timeout=TIMEOUT) as one:
        one.fresh()
        yield one
    gc.collect()  # a connection that is left over is noticed here, not in some later test


def backend_of(reader: Reader) -> int:
    """The server's number for the reader's connection: of a process (PostgreSQL) or of a thread (MariaDB)."""
    driver: Any = reader.log._private._wrapper.connection  # type: ignore[attr-defined]
    return int(driver.info.backend_pid if connection.vendor == "postgresql" else driver.thread_id())


def last_accept(reader: Reader, until: Callable[[], bool]) -> float:
    """Ask until the answer is a refusal and `until` holds; when the last request that was let through began."""
    accepted = 0.0
    ends = time.monotonic() + DEADLINE
    while time.monotonic() < ends:
        began = boot_clock()
        try:
            reader.fresh()
            accepted = began
        except StoreUnavailable:
            assert boot_clock() - began < TIMEOUT + ALLOWANCE
            if until():
                return accepted
    raise AssertionError("no refusal")


def recovers(reader: Reader) -> bool:
    try:
        read_again(reader)
    except StoreUnavailable:
        return False
    return True


def assert_hang_is_refused(reader: Reader, stopped_at: float) -> None:
    with ThreadPoolExecutor(4) as pool:
        refused = [pool.submit(last_accept, reader, lambda: reader._failures > 1) for _ in range(4)]
        assert max(one.result(DEADLINE * 2) for one in refused) <= stopped_at + LEASE


@pytest.mark.databases("postgres")
def test_a_hung_backend_is_left_behind(reader: Reader) -> None:
    """It ignores every timeout. Its socket is shut and a new connection takes over while it still hangs."""
    backend, sockets = backend_of(reader), open_sockets()
    with frozen(backend):
        stopped_at = boot_clock()
        assert last_accept(reader, lambda: True) <= stopped_at + LEASE
        eventually(lambda: recovers(reader))
        assert backend_of(reader) != backend
        eventually(lambda: len(reader_threads()) == 1)  # the stuck thread has ended
        eventually(lambda: open_sockets() == sockets)  # and its socket is closed
    assert recovers(reader)


def test_a_hung_server_is_refused_in_time_and_outlived(reader: Reader, server: Server) -> None:
    with frozen(*family(server)):
        assert_hang_is_refused(reader, boot_clock())
    eventually(lambda: recovers(reader))
    eventually(lambda: len(reader_threads()) == 1)
    assert reader.fresh().dead == set()


def test_no_connection_is_left_over_from_a_hang(reader: Reader, server: Server) -> None:
    """Those that were being made when their time was over are closed as soon as they are there."""
    sockets = open_sockets()
    with frozen(*family(server)):
        assert_hang_is_refused(reader, boot_clock())
    eventually(lambda: recovers(reader))
    eventually(lambda: len(reader_threads()) == 1)
    eventually(lambda: open_sockets() == sockets, within=3)


def test_a_killed_backend_costs_no_request(reader: Reader) -> None:
    """The server ends idle connections; the next read opens another, and nobody notices."""
    killed = backend_of(reader)
    end = "SELECT pg_terminate_backend(%s)" if connection.vendor == "postgresql" else "KILL %s"
    with connection.cursor() as cursor:
        cursor.execute(end, [killed])
    read_again(reader)
    assert reader._failures == 0
    assert backend_of(reader) != killed


def test_a_restarted_server_is_used_again(reader: Reader, server: Server) -> None:
    dead = append()
    connections.close_all()
    server.stop()
    stopped_at = boot_clock()
    try:
        assert_hang_is_refused(reader, stopped_at)
    finally:
        server.start()
    eventually(lambda: recovers(reader))
    assert dead in reader.fresh().dead
    eventually(lambda: len(reader_threads()) == 1)


def test_a_server_that_is_down_is_503_and_nothing_is_let_through(server: Server, settings: Any) -> None:
    settings.LANYARD = {"LEASE": LEASE, "READ_TIMEOUT": TIMEOUT}
    client = APIClient(headers={"Authorization": f"Bearer {signed_in(a_user()).access}"})
    assert client.get("/protected/").status_code == 200
    connections.close_all()
    server.stop()
    stopped_at = boot_clock()
    try:
        while True:
            began = boot_clock()
            answer = client.get("/protected/")
            if answer.status_code != 200:
                break
            assert began <= stopped_at + LEASE
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert int(answer["Retry-After"]) >= 1
        assert client.get("/public/").status_code == 503  # a token that cannot be checked is not ignored
        assert APIClient().get("/public/").status_code == 200
    finally:
        server.start()
    assert eventually(lambda: client.get("/protected/").status_code == 200)


@pytest.mark.databases("mariadb")
def test_a_server_turned_read_only_counts_as_an_outage(reader: Reader) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET GLOBAL read_only = 1")
        try:
            turned_at = boot_clock()
            assert last_accept(reader, lambda: True) <= turned_at + LEASE
        finally:
            cursor.execute("SET GLOBAL read_only = 0")
    eventually(lambda: recovers(reader))


@pytest.mark.databases("postgres")
def test_a_server_in_recovery_counts_as_an_outage(reader: Reader, server: Server) -> None:
    """It answers, but what it says may be behind the primary."""
    signal_file = server.folder / "data" / "standby.signal"
    connections.close_all()
    server.stop()
    signal_file.touch()
    try:
        server.start()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            assert cursor.fetchone() == (True,)
        assert not recovers(reader)
        assert not reader.snapshot.dead
    finally:
        connections.close_all()
        server.stop()
        signal_file.unlink()
        server.start()
    eventually(lambda: recovers(reader))


def test_a_hung_sequencing_does_not_stop_the_reading(server: Server) -> None:
    """A row that somebody has locked, a table that is being indexed: positions can wait, requests cannot.

    They may have to wait for a lock that is given up after a second: MariaDB knows no shorter time.
    """
    with a_reader(lease=LEASE, timeout=5.0) as reader, actors(1) as (other,):
        append()
        read_again(reader)
        eventually(lambda: not Revocation.objects.filter(position=None).exists())
        dead = append()
        other.begin()
        other.do(lambda: list(Revocation.objects.filter(position=None).select_for_update()))
        assert dead in read_again(reader).dead
        for _ in range(5):
            read_again(reader)
        other.commit()
        eventually(lambda: read_again(reader) and not Revocation.objects.filter(position=None).exists())
