"""Push through Redis or Valkey: PUBLISH after the commit, on a thread of its own, so that no request waits for it."""

import atexit
import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..core import forks
from ..core.follower import Follower
from ..core.messages import Messages
from ..core.model import Entry
from ..core.ports import Clock
from .sockets import muffle, shut_down

logger = logging.getLogger("drf_lanyard")

#: Seconds for connecting, and for one answer.
TIMEOUT = 2.0
#: How many messages wait at most. More of them, and the oldest are left to the log.
QUEUE = 1000
#: Seconds that a process which ends spends at most on what it has not sent yet.
FAREWELL = 0.5
#: Seconds without a message after which the connection for sending is given back.
LINGER = 30.0
_parked: list[object] = []


class RedisPush(Follower):
    """`url` as redis-py has it, `?protocol=3` included."""

    name = "redis"

    def __init__(self, url: str, channel: str, messages: Messages, clock: Clock) -> None:
        super().__init__(lambda: RedisChannel(url, channel), messages, clock)
        self._sender = Sender(url, channel)

    def send(self, entries: Sequence[Entry]) -> None:
        self._sender.put(self.messages.encode(entries))

    def close(self) -> None:
        super().close()
        self._sender.close()


def client(url: str) -> Any:
    """Without redis-py's own repeating: our loops repeat, and a caller must hear of a failure.

    What the URL says comes first; RESP 2 is what every server speaks.
    """
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
    )


class RedisChannel:
    """One subscribed connection (`core.follower.Channel`). redis-py's PubSub would reconnect behind our back."""

    def __init__(self, url: str, channel: str) -> None:
        self._client = client(url)
        self._connection = self._client.connection_pool.make_connection()
        try:
            self._connection.connect()
            self._connection.send_command("SUBSCRIBE", channel)
        except BaseException:
            self.close()
            raise

    def receive(self, timeout: float) -> list[str] | None:
        if not self._connection.can_read(timeout=timeout):
            return None
        answer = self._connection.read_response(disable_decoding=True, push_request=True)
        if isinstance(answer, list) and len(answer) == 3 and answer[0] == b"message":
            return [answer[2].decode(errors="replace")]
        return []  # that we are subscribed, or the answer to a ping

    def ping(self) -> None:
        self._connection.send_command("PING", check_health=False)  # which would wait for an answer itself

    def interrupt(self) -> None:
        shut_down(self._connection._sock)

    def close(self) -> None:
        self._connection.disconnect()
        self._client.close()

    def park(self) -> None:
        muffle(self._connection._sock)
        _parked.append(self)


class Sender:
    """Publishes what is put, in order, on one daemon thread. What cannot be sent is dropped: the log has it."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._closed = False
        self._start_afresh()
        forks.watch(self)

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque(maxlen=QUEUE)
        self._thread: threading.Thread | None = None
        self._busy = self._complained = False

    def put(self, text: str) -> None:
        """Never blocks, never raises."""
        with self._changed:
            if self._closed:
                return
            self._waiting.append(text)
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self._changed.notify_all()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="drf-lanyard-push-sender", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads to be had, or the interpreter is ending
            self._waiting.clear()
            return
        self._thread = thread
        atexit.unregister(self._finish)  # a forked child has inherited it
        atexit.register(self._finish)

    def close(self) -> None:
        """Let the thread end once it has sent what waits."""
        atexit.unregister(self._finish)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _finish(self) -> None:
        """A command that revokes and ends tells the others first."""
        if self._pid == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not self._waiting and not self._busy, FAREWELL)

    def _run(self) -> None:
        with contextlib.closing(client(self._url)) as server:
            while (text := self._next()) is not None:
                try:
                    server.publish(self._channel, text)
                    self._complained = False
                except Exception as error:  # whatever it is: this is a hint
                    self._complain(error)

    def _next(self) -> str | None:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed, LINGER)
            if not self._waiting:
                self._thread = None  # the next message starts another
                return None
            self._busy = True
            return self._waiting.popleft()

    def _complain(self, error: Exception) -> None:
        """Once, and nothing of its text, which may hold an address. What waits is as hopeless, and late besides."""
        with self._changed:
            self._waiting.clear()
        if not self._complained:
            self._complained = True
            logger.warning("A revocation could not be pushed (%s); others read it from the log.", type(error).__name__)

    def after_fork(self) -> None:
        """In a child: no thread, nothing waiting, and connections of its own."""
        if os.getpid() == self._pid:
            return
        self._start_afresh()
