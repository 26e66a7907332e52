"""A follower and a real server: heard, cut off, frozen, refused, idle. Its audience is the test's."""

import os
import resource
import time
from typing import Any

import pytest
from django.db import connection

from drf_lanyard.core.messages import WAKE, Messages
from drf_lanyard.core.model import Entry
from drf_lanyard.stores.push_postgres import PostgresChannel
from drf_lanyard.stores.push_redis import RedisChannel

from ..fleet.kit import eventually
from ..fleet.own_server import open_sockets
from .places import KINDS, Place, RedisPlace, listening
from .scripted import MESSAGES, Ears, push_threads, said

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("postgres"),
    pytest.mark.parametrize("place", KINDS, indirect=True),
]


def test_what_is_said_is_heard(place: Place, ears: Ears) -> None:
    strange = Entry(uid=2, subject="Zoë 🦊 ' \\ \x00", epoch=3, ends_sessions=True)
    with listening(place, ears):
        for text in (said(1), "forged", said(2, 3), WAKE, MESSAGES.encode([strange]), said(4)):
            place.say(text)
        eventually(lambda: 4 in ears.credentials)
        assert ears.credentials == [1, 2, 3, None, 4]
        assert ears.entries[3] == strange
        assert ears.hints == 2


def test_many_at_once_are_all_heard(place: Place, ears: Ears) -> None:
    with listening(place, ears):
        for number in range(0, 500, 2):
            place.say(said(number, number + 1))
        eventually(lambda: len(ears.entries) == 500)
        assert ears.credentials == list(range(500))


def test_the_longest_message_arrives(place: Place, ears: Ears) -> None:
    entry = Entry(uid=1, subject="é" * 3900, epoch=1)
    with listening(place, ears):
        assert len(MESSAGES.encode([entry]).encode()) > 7800
        place.say(MESSAGES.encode([entry]))
        eventually(lambda: ears.entries == [entry])


def test_another_project_on_the_same_server_is_passed_over(place: Place, ears: Ears) -> None:
    other = Messages([b"another secret, of another project"])
    with listening(place, ears) as follower:
        place.say(other.encode([Entry(uid=1, credential=666)]))
        place.say(said(1))
        eventually(lambda: ears.entries)
        assert (ears.credentials, follower.received) == ([1], 1)


def test_a_connection_that_is_killed_is_made_again(place: Place, ears: Ears, caplog: pytest.LogCaptureFixture) -> None:
    with listening(place, ears) as follower:
        place.cut()
        eventually(lambda: ears.hints == 2 and follower.connected)
        place.say(said(1))
        eventually(lambda: ears.credentials == [1])
        assert place.listeners() == 1
    assert [record.getMessage().split(" ")[2] for record in caplog.records] == ["lost", "back."]


def test_silence_of_a_healthy_server_is_no_reason_to_go(place: Place, ears: Ears, impatient: None) -> None:
    """It answers when it is asked: several heartbeats pass on one connection."""
    with listening(place, ears) as follower:
        channel = follower._channel
        assert channel is not None
        pings, ping = 0, channel.ping

        def count() -> None:
            nonlocal pings
            pings += 1
            ping()

        channel.ping = count  # type: ignore[method-assign]
        eventually(lambda: pings >= 4)
        assert (follower._channel, ears.hints) == (channel, 1)
        place.say(said(1))
        eventually(lambda: ears.credentials == [1])


def test_a_frozen_server_is_given_up_and_found_again(
    place: Place, ears: Ears, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    """No error, no closed socket: only silence tells. Nothing that is asked of the follower meanwhile waits for it."""
    sockets = open_sockets()
    with listening(place, ears) as follower:
        with place.frozen():
            eventually(lambda: caplog.records)
            assert "TimeoutError" in caplog.records[0].getMessage()
            follower.follow(ears)
            if isinstance(place, RedisPlace):
                assert not follower.connected
        eventually(lambda: follower.connected and ears.hints >= 2)
        place.say(said(1))
        eventually(lambda: 1 in ears.credentials)
    connection.close()
    eventually(lambda: open_sockets() <= sockets)


def test_a_frozen_server_does_not_keep_anybody_from_leaving(place: Place, ears: Ears, patient: None) -> None:
    with listening(place, ears) as follower, place.frozen():
        follower.rest()
        eventually(lambda: not push_threads())


def test_rest_gives_the_connection_back(place: Place, ears: Ears, patient: None) -> None:
    with listening(place, ears) as follower:
        assert place.listeners() == 1
        follower.rest()
        eventually(lambda: place.listeners() == 0)
        follower.follow(ears)
        eventually(lambda: place.listeners() == 1 and ears.hints == 2)


def test_nothing_is_done_while_nothing_is_said(place: Place, ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps in one call for the server, not in a loop."""
    kind: Any = RedisChannel if isinstance(place, RedisPlace) else PostgresChannel
    calls, receive = 0, kind.receive

    def count(self: Any, timeout: float) -> Any:
        nonlocal calls
        calls += 1
        return receive(self, timeout)

    monkeypatch.setattr(kind, "receive", count)
    with listening(place, ears):
        begun = calls
        time.sleep(0.5)
        assert calls <= begun + 1


def test_descriptors_beyond_a_thousand(place: Place, ears: Ears) -> None:
    """A server with many clients has them; select(2) refuses them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096) if hard > 0 else 4096, hard))
    opened = list[int]()
    try:
        while not opened or opened[-1] < 1100:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        with listening(place, ears):
            place.say(said(1))
            eventually(lambda: ears.credentials == [1])
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
