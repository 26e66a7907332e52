"""The health view: as a load balancer asks it, and what it must not do."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.urls import path
from pytest_django import DjangoAssertNumQueries

from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.core.reader import Reader
from drf_lanyard.rest.health import health
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.wiring import get_lanyard

from ..fleet.kit import eventually, reader_threads

urlpatterns = [path("health/", health)]
pytestmark = pytest.mark.urls(__name__)
PATIENCE = 20.0
Use = Callable[..., Reader]


class Log:
    """Reads what `behave` says."""

    def __init__(self, behave: Callable[[], LogRead]) -> None:
        self.behave = behave

    def read(self, position: int) -> LogRead:
        return self.behave()

    def sequence(self) -> int:
        return 0

    def interrupt(self) -> None: ...
    def rest(self) -> None: ...
    def park(self) -> None: ...


def three_entries() -> LogRead:
    return LogRead(entries=tuple(Entry(uid=n, position=n, credential=n) for n in (1, 2, 3)), floor=0)


def fails() -> LogRead:
    raise OSError("connection to 10.0.0.7 as lanyard failed")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Gives the service a reader of such a log."""
    made: list[Reader] = []

    def reader(behave: Callable[[], LogRead], timeout: float = PATIENCE, push: Any = None) -> Reader:
        log: Any = Log(behave)
        made.append(Reader(log, lease=PATIENCE, timeout=timeout, clock=SystemClock(), push=push))
        monkeypatch.setattr(get_lanyard(), "reader", made[-1])
        return made[-1]

    yield reader
    for one in made:
        thread = one._thread
        one.close()
        if thread is not None:
            thread.join(PATIENCE)


def probe(**headers: str) -> Any:
    return Client(headers=headers).get("/health/")


def test_a_process_that_reads_is_well(use: Use) -> None:
    use(three_entries)
    answer = probe()
    body = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert 0 <= body.pop("age") < PATIENCE
    assert body == {"status": "ok", "position": 3, "push": None}


@pytest.mark.parametrize(("connected", "says"), [(True, "redis connected"), (False, "redis not connected")])
def test_it_tells_of_the_push(use: Use, connected: bool, says: str) -> None:
    push = SimpleNamespace(name="redis", connected=connected, received=0, follow=lambda reader: None, rest=lambda: None)
    use(three_entries, push=push)
    answer = probe()
    assert (answer.status_code, answer.json()["push"]) == (200, says)


def test_one_that_cannot_read_says_so_and_why_it_cannot_is_a_secret(use: Use) -> None:
    use(fails)
    answer = probe()
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (
        503,
        "1",
        "no-store",
    )
    assert answer.json() == {
        "status": "unavailable",
        "detail": "Authentication is temporarily unavailable.",
        "code": "store_unavailable",
    }


def test_a_process_is_not_ready_before_it_has_loaded_the_log(use: Use) -> None:
    """It answers after READ_TIMEOUT nevertheless."""
    loaded = threading.Event()

    def slow() -> LogRead:
        loaded.wait(PATIENCE)
        return three_entries()

    reader = use(slow, timeout=0.1)
    assert probe().status_code == 503
    loaded.set()
    reader.timeout = PATIENCE
    reader._failed_until = 0.0
    assert probe().status_code == 200


def test_only_asking_is_allowed(use: Use) -> None:
    use(three_entries)
    assert Client().post("/health/").status_code == 405
    head = Client().head("/health/")
    assert (head.status_code, head.content) == (200, b"")


def test_who_asks_does_not_matter(use: Use) -> None:
    use(three_entries)
    assert probe(authorization="Bearer of.bad.news", accept="image/png").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_no_statement_and_no_transaction_on_the_connection_of_the_request(
    use: Use, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = use(three_entries)
    inside: list[bool] = []
    fresh = reader.fresh

    def watched() -> Any:
        inside.append(connection.in_atomic_block)
        return fresh()

    monkeypatch.setattr(reader, "fresh", watched)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with django_assert_num_queries(0):
        assert probe().status_code == 200
    assert inside == [False]


@pytest.mark.django_db
def test_in_a_projects_tests_it_works_too() -> None:
    body = probe().json()
    assert body == {"status": "ok", "age": 0.0, "position": 0, "push": None}


@pytest.mark.django_db(transaction=True)
def test_against_the_real_log() -> None:
    with override_settings(LANYARD={"LEASE": 5.0}):
        first, again = probe().json(), probe().json()
    assert 0 <= first["age"] <= again["age"] <= 5
    eventually(lambda: not reader_threads())
