"""Push through Redis: what is sent, and by whom."""

import threading
import time
from typing import Any

import pytest
import redis

from drf_lanyard.core.model import Entry
from drf_lanyard.stores import push_redis

from ..fleet.kit import DEADLINE, eventually
from .places import RedisPlace, listening
from .scripted import Ears, push_threads

pytestmark = pytest.mark.parametrize("place", ("resp2", "resp3"), indirect=True)


def test_what_is_sent_is_heard_in_order(place: RedisPlace, ears: Ears) -> None:
    with listening(place, ears) as follower:
        for number in range(200):
            follower.send([Entry(uid=number, credential=number)])
        eventually(lambda: len(ears.entries) == 200)
        assert ears.credentials == list(range(200))


def test_sending_is_the_business_of_another_thread(
    place: RedisPlace, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    publish = redis.Redis.publish

    def note(self: Any, *args: Any) -> Any:
        threads.add(threading.current_thread().name)
        return publish(self, *args)

    monkeypatch.setattr(redis.Redis, "publish", note)
    with listening(place, ears) as follower:
        follower.send([Entry(uid=1, credential=1)])
        eventually(lambda: ears.entries)
    assert threads == {"drf-lanyard-push-sender"}


def test_sending_to_a_frozen_server_returns_at_once(
    place: RedisPlace, ears: Ears, impatient: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Many more than its timeout would allow for if each waited. What could not be sent is dropped, and said once."""
    with listening(place, ears) as follower:
        with place.frozen():
            began = time.monotonic()
            for number in range(5000):
                follower.send([Entry(uid=1, credential=number)])
            assert time.monotonic() - began < DEADLINE
            assert len(follower._sender._waiting) <= push_redis.QUEUE  # type: ignore[attr-defined]
            eventually(lambda: "could not be pushed" in caplog.text)
        eventually(lambda: follower.connected)
        eventually(lambda: _sent(follower, ears))
    assert caplog.text.count("could not be pushed") == 1


def _sent(follower: Any, ears: Ears) -> bool:
    follower.send([Entry(uid=1, credential=10**6)])
    return 10**6 in ears.credentials


def test_a_restarted_server_is_used_again_by_both(place: RedisPlace, ears: Ears, impatient: None) -> None:
    with listening(place, ears) as follower:
        follower.send([Entry(uid=1, credential=1)])
        eventually(lambda: ears.entries)
        place.server.stop()
        place.server.start()
        eventually(lambda: follower.connected and ears.hints == 2)
        follower.send([Entry(uid=1, credential=2)])  # on a connection that is dead: it is noticed before
        eventually(lambda: 2 in ears.credentials)


def test_the_sender_goes_when_it_has_nothing_to_do(
    place: RedisPlace, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_redis, "LINGER", 0.02)
    with listening(place, ears) as follower:
        for number in range(3):
            follower.send([Entry(uid=1, credential=number)])
            eventually(lambda number=number: number in ears.credentials)  # type: ignore[misc]
            eventually(lambda: len(push_threads()) == 1)  # the follower alone
        with place.client() as client:
            eventually(lambda: len(client.client_list()) == 2)  # the follower's, and this one


def test_options_in_the_url_are_no_trap(place: RedisPlace, ears: Ears, impatient: None) -> None:
    place.url += ("&" if "?" in place.url else "?") + "decode_responses=True&health_check_interval=1&max_connections=9"
    with listening(place, ears) as follower:
        follower.send([Entry(uid=1, credential=1)])
        eventually(lambda: ears.credentials == [1])
        channel: Any = follower._channel
        channel._connection.next_health_check = 1  # long ago
        channel.ping()
        follower.send([Entry(uid=1, credential=2)])
        eventually(lambda: ears.credentials == [1, 2])
        assert ears.hints == 1


def test_through_a_unix_socket(place: RedisPlace, ears: Ears) -> None:
    options = place.url.partition("?")[2]
    place.url = f"unix://:{place.server.password}@{place.server.folder}/socket?db=1&{options}"
    with listening(place, ears) as follower:
        follower.send([Entry(uid=1, credential=1)])
        eventually(lambda: ears.credentials == [1])
