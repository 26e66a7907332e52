"""The servers that push goes through, and what can be done to them from outside."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.db import connection

from drf_lanyard.core.follower import Follower
from drf_lanyard.core.messages import Messages
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.push_postgres import CHANNEL, PostgresPush
from drf_lanyard.stores.push_redis import RedisPush

from ..fleet.kit import eventually
from ..fleet.own_server import frozen, pid_of
from ..server_process import Server
from .scripted import MESSAGES, Ears, push_threads

#: RESP 2, RESP 3, and PostgreSQL.
KINDS = ("resp2", "resp3", "postgres")


class RedisPlace:
    def __init__(self, kind: str, server: Server) -> None:
        self.server = server
        self.url = f"redis://:{server.password}@{server.host}:{server.port}/0"
        if kind == "resp3":
            self.url += "?protocol=3"

    @contextmanager
    def client(self) -> Iterator[Any]:
        made = redis.Redis.from_url(self.url, protocol=2)
        with made:
            yield made

    def push(self, messages: Messages = MESSAGES) -> Follower:
        return RedisPush(self.url, CHANNEL, messages, SystemClock())

    def say(self, text: str) -> None:
        with self.client() as client:
            client.publish(CHANNEL, text)

    def cut(self) -> None:
        with self.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    def listeners(self) -> int:
        with self.client() as client:
            return int(client.pubsub_numsub(CHANNEL)[0][1])

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The whole server."""
        with frozen(pid_of(self.server)):
            yield


class PostgresPlace:
    """The server of the database "default"."""

    url = "postgres"

    def push(self, messages: Messages = MESSAGES) -> Follower:
        return PostgresPush("default", None, messages, SystemClock())

    def say(self, text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, text])

    def cut(self) -> None:
        with connection.cursor() as cursor:
            for pid in self._backends():
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

    def listeners(self) -> int:
        return len(self._backends())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The listening connections' backends."""
        with frozen(*self._backends()):
            yield

    def _backends(self) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'drf-lanyard push' AND datname = current_database()"
            )
            return [row[0] for row in cursor.fetchall()]


Place = RedisPlace | PostgresPlace


@contextmanager
def listening(place: Place, ears: Ears, messages: Messages = MESSAGES) -> Iterator[Follower]:
    """A follower on a real server, connected, until it and its sender have ended."""
    follower = place.push(messages)
    follower.follow(ears)
    try:
        eventually(lambda: follower.connected and ears.hints)
        yield follower
    finally:
        follower.close()
        eventually(lambda: not push_threads())


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
