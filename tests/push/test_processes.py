"""Worker processes: push brings it at once, and whatever happens to push, the promise is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.contrib.auth import get_user_model

from drf_lanyard.models import Session
from drf_lanyard.stores.push import CHANNEL

from ..databases import TestDatabase
from ..fleet.crew import Worker, crew
from ..fleet.kit import a_user, eventually, signed_in
from .places import KINDS, Place, RedisPlace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("postgres")]
everywhere = pytest.mark.parametrize("place", KINDS, indirect=True)
#: What differs by the protocol is tested with one follower.
once_each = pytest.mark.parametrize("place", ["resp2", "postgres"], indirect=True)
through_redis = pytest.mark.parametrize("place", ["resp2"], indirect=True)
#: Seconds. So long that within a test only push can have brought anything; and the default.
LONG, LEASE = 30, 1


@contextmanager
def pushing(place: Place, database: TestDatabase, size: int, lease: float = LONG) -> Iterator[list[Worker]]:
    environment = {"LANYARD_TEST_PUSH_URL": place.url, "LANYARD_TEST_LEASE": str(lease)}
    with crew(database, size, "tests.push.worker", **environment) as workers:
        yield workers


def every(workers: list[Worker], command: str, *arguments: Any) -> list[Any]:
    for worker in workers:
        worker.send(command, *arguments)
    return [worker.answer() for worker in workers]


def the_session(user: Any) -> str:
    return str(Session.objects.get(user=user).pk)


def told_at_once(place: Place, database: TestDatabase) -> None:
    alice, bob = a_user(), a_user("bob")
    token, other = signed_in(alice).access, signed_in(bob).access
    with pushing(place, database, 3) as workers:
        assert every(workers, "deafen", token) == [True] * 3
        workers[0].ask("revoke_session", the_session(alice))
        assert every(workers, "refuses", token) == ["token_revoked"] * 3
        assert every(workers, "ask", other) == ["ok"] * 3
        workers[0].ask("revoke_user", bob.pk)
        assert every(workers, "refuses", other) == ["token_stale"] * 3
        assert [one["received"] for one in every(workers[1:], "push")] == [2, 2]


@everywhere
def test_every_process_is_told_at_once(place: Place, database: TestDatabase) -> None:
    """None of them can read the log in the meantime."""
    told_at_once(place, database)


@pytest.mark.databases("sqlite", "mariadb")
@through_redis
def test_every_process_is_told_at_once_beside_any_database(place: Place, database: TestDatabase) -> None:
    told_at_once(place, database)


@once_each
def test_a_revocation_too_large_for_a_message_is_read_at_once(place: Place, database: TestDatabase) -> None:
    alice = a_user()
    token = signed_in(alice).access
    get_user_model().objects.bulk_create([get_user_model()(username=f"user {number}") for number in range(999)])
    with pushing(place, database, 3) as workers:
        assert every(workers, "alert", token) == [True] * 3
        assert workers[0].ask("revoke_all_users") == 1000
        assert every(workers[1:], "knows", str(alice.pk)) == [True] * 2
        assert every(workers, "ask", token) == ["token_stale"] * 3


@once_each
def test_after_a_cut_they_are_told_again(place: Place, database: TestDatabase) -> None:
    alice, bob = a_user(), a_user("bob")
    token, other = signed_in(alice).access, signed_in(bob).access
    with pushing(place, database, 2) as workers:
        assert every(workers, "deafen", token) == [True] * 2
        place.cut()
        eventually(lambda: place.listeners() == 2)
        assert every(workers, "connected", other) == [True] * 2
        workers[0].ask("revoke_session", the_session(alice))
        assert every(workers, "refuses", token) == ["token_revoked"] * 2


@once_each
def test_a_frozen_server_costs_nobody_anything(place: Place, database: TestDatabase) -> None:
    """Requests go on, what is revoked dies within the lease all the same, and nobody gets a 5xx."""
    alice, bob = a_user(), a_user("bob")
    token, other = signed_in(alice).access, signed_in(bob).access
    with pushing(place, database, 3, LEASE) as workers:
        assert every(workers, "connected", token) == [True] * 3
        assert every(workers, "connected", other) == [True] * 3
        with place.frozen():
            for worker in workers[1:]:
                worker.send("hammer", token)
            committed = workers[0].ask("revoke_session", the_session(alice))
            seen = [worker.answer() for worker in workers[1:]]
            assert [one["code"] for one in seen] == ["token_revoked"] * 2
            assert [one["later"] for one in seen] == [0] * 2
            assert max(one["last_accept"] for one in seen) <= committed + LEASE
            assert every(workers, "ask", other) == ["ok"] * 3
        assert [one["failures"] for one in every(workers, "push")] == [0] * 3


@through_redis
def test_a_redis_that_is_emptied_and_restarted_forgets_nothing_of_ours(
    place: RedisPlace, database: TestDatabase
) -> None:
    alice, bob = a_user(), a_user("bob")
    token, other = signed_in(alice).access, signed_in(bob).access
    with pushing(place, database, 2, LEASE) as workers:
        assert every(workers, "connected", token) == [True] * 2
        workers[0].ask("revoke_session", the_session(alice))
        assert every(workers, "refuses", token) == ["token_revoked"] * 2
        with place.client() as client:
            client.flushall()
        assert every(workers, "ask", token) == ["token_revoked"] * 2
        place.server.stop()
        try:
            assert every(workers, "ask", token) == ["token_revoked"] * 2
            assert every(workers, "ask", other) == ["ok"] * 2
        finally:
            place.server.start()
        assert every(workers, "connected", other) == [True] * 2
        assert every(workers, "ask", token) == ["token_revoked"] * 2
        assert [one["failures"] for one in every(workers, "push")] == [0] * 2


@through_redis
def test_old_messages_again_in_any_order_change_no_verdict(place: RedisPlace, database: TestDatabase) -> None:
    """Whoever may read and write our channel has them all."""
    alice, bob = a_user(), a_user("bob")
    token, other = signed_in(alice).access, signed_in(bob).access
    with pushing(place, database, 2) as workers, _Tap(place) as tap:
        assert every(workers, "deafen", token) == [True] * 2
        workers[0].ask("revoke_user", bob.pk)
        workers[0].ask("revoke_session", the_session(alice))
        assert every(workers, "refuses", token) == ["token_revoked"] * 2
        messages = tap.heard(2)
        again = signed_in(bob).access  # minted after the revocation of everything of bob
        assert every(workers, "ask", again) == ["ok"] * 2
        for text in [*reversed(messages * 3), "forged", messages[0][:-1]]:
            place.say(text)
        eventually(lambda: workers[1].ask("push")["received"] == 8)
        assert every(workers, "ask", token) == ["token_revoked"] * 2
        assert every(workers, "ask", other) == ["token_stale"] * 2
        assert every(workers, "ask", again) == ["ok"] * 2


class _Tap:
    """Somebody else on the channel, who notes what is said."""

    def __init__(self, place: RedisPlace) -> None:
        self._client = redis.Redis.from_url(place.url, protocol=2)
        self._channel = self._client.pubsub(ignore_subscribe_messages=True)

    def __enter__(self) -> "_Tap":
        self._channel.subscribe(CHANNEL)
        self._channel.get_message(timeout=10)
        return self

    def heard(self, count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            if (message := self._channel.get_message(timeout=10)) is not None:
                found.append(message["data"].decode())
        return found

    def __exit__(self, *exception: object) -> None:
        self._channel.close()
        self._client.close()
