"""`PUSH_URL`s: a wrong one, and one that is not that of DATABASES."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from drf_lanyard.core.model import Entry
from drf_lanyard.stores import push_postgres
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.push_postgres import PostgresPush
from drf_lanyard.stores.push_redis import RedisPush

from ..databases import Databases
from ..fleet.kit import a_reader, eventually, read_again
from ..server_process import Server
from ..servers import postgres
from .places import Place, RedisPlace, listening
from .scripted import MESSAGES, Ears, push_threads, said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("postgres")]

WRONG = {
    "resp2": ["redis://:hunter2@{host}:{port}", "redis://:hunter2@127.0.0.1:1", "rediss://:hunter2@{host}:{port}"],
    "postgres": ["postgresql://lanyard:hunter2@{host}:{port}/postgres", "postgres://lanyard:hunter2@127.0.0.1:1/x"],
}


@pytest.mark.parametrize(
    ("place", "url"), [(kind, url) for kind, urls in WRONG.items() for url in urls], indirect=["place"]
)
def test_a_wrong_password_or_address_is_one_line_without_the_secret(
    place: Place, url: str, ears: Ears, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    own: Any = place.server if isinstance(place, RedisPlace) else None
    host, port = (own.host, own.port) if own else (connection.settings_dict["HOST"], connection.settings_dict["PORT"])
    url = url.format(host=host, port=port)
    follower: Any
    if own:
        follower = RedisPush(url, "c", MESSAGES, SystemClock())
        attempts = counted(follower)
    else:
        follower = PostgresPush("default", url, MESSAGES, SystemClock())
        attempts = counted(follower)
    follower.follow(ears)
    try:
        eventually(lambda: attempts() >= 3)
        assert (follower.connected, ears.hints) == (False, 0)
        if own:
            for number in range(3):
                follower.send([Entry(uid=1, credential=number)])
            eventually(lambda: len(caplog.records) == 2)
    finally:
        follower.close()
    eventually(lambda: not push_threads())
    assert len(caplog.records) == (2 if own else 1)
    assert "hunter2" not in caplog.text and "127.0.0.1" not in caplog.text


def counted(follower: Any) -> Callable[[], int]:
    attempts, connect = 0, follower._connect

    def count() -> Any:
        nonlocal attempts
        attempts += 1
        return connect()

    follower._connect = count
    return lambda: attempts


@pytest.fixture
def own_url() -> str:
    found = connection.settings_dict
    return f"postgresql://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_listening_at_an_address_of_its_own(place: Place, own_url: str, ears: Ears) -> None:
    """Where DATABASES leads to a PgBouncer."""
    follower = PostgresPush("default", own_url, MESSAGES, SystemClock())
    follower.follow(ears)
    try:
        eventually(lambda: follower.connected)
        assert place.listeners() == 1
        place.say(said(1))
        eventually(lambda: ears.credentials == [1])
    finally:
        follower.close()


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_one_wedged_listener_does_not_hurt_the_others(place: Place, own_url: str, ears: Ears) -> None:
    """Idle in a transaction, and one that never reads."""
    with psycopg.connect(own_url) as wedged, listening(place, ears):
        wedged.execute(f"LISTEN {push_postgres.CHANNEL}")
        wedged.commit()
        wedged.execute("SELECT 1")
        for number in range(300):
            place.say(said(number))
        eventually(lambda: len(ears.entries) == 300)


@pytest.fixture
def standby(databases: Databases) -> Iterator[Server]:
    folder = databases.folder / "push-standby"
    folder.mkdir(mode=0o711)
    server = postgres(folder)
    try:
        server.stop()
        (server.folder / "data" / "standby.signal").touch()
        server.start()
        yield server
    finally:
        server.stop()


def test_a_standby_refuses_to_be_listened_to(
    standby: Server, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    """It lets everybody in first. One line, rarer and rarer attempts, and the reader knows nothing of it."""
    url = f"postgresql://{standby.user}:{standby.password}@{standby.host}:{standby.port}/postgres"
    follower = PostgresPush("default", url, MESSAGES, SystemClock())
    attempts = counted(follower)
    try:
        with a_reader(push=follower) as reader:
            read_again(reader)
            eventually(lambda: attempts() >= 5)
            read_again(reader)
            assert (follower.connected, reader._failures) == (False, 0)
    finally:
        follower.close()
    assert [record.getMessage().split(";")[0] for record in caplog.records] == ["Push is lost (ConnectionError)"]
