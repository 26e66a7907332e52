"""Listens to what other processes push. Losing it costs speed, never correctness: the lease still forces the read.

One daemon thread, as long as the reader reads. A connection on which nothing was heard for a while is asked for a sign
of life and then given up: a server that was stopped, and a link that swallows packets, raise no error by themselves.
"""

import logging
import os
import random
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from . import forks
from .messages import Messages
from .model import Entry
from .ports import Clock

logger = logging.getLogger("drf_lanyard")

#: Seconds of silence after which the server is asked for a sign of life, and again after which it is given up.
HEARTBEAT = 5.0
#: Seconds between attempts to connect: at first, and at most. Each is drawn at random up to the limit of its turn.
BACKOFF = (0.1, 5.0)


class Channel(Protocol):
    """One connection that is subscribed. Used by one thread, but for `interrupt`."""

    def receive(self, timeout: float) -> list[str] | None:
        """Messages that have arrived, perhaps none but a sign of life; None after `timeout` seconds of silence.

        Raises any exception when the connection is lost.
        """

    def ping(self) -> None:
        """Ask for a sign of life, which `receive` will hear."""

    def interrupt(self) -> None:
        """From any thread: make a `receive` that waits fail."""

    def close(self) -> None:
        """Never raises."""

    def park(self) -> None:
        """In a forked child: forget the inherited connection without closing it."""


class Audience(Protocol):
    """Whom messages are for: the reader."""

    def add(self, entries: Sequence[Entry]) -> None: ...
    def hint(self) -> None: ...


class Follower:
    """Hands what is pushed to the reader, and nothing else: it never moves the reader's place in the log."""

    #: What pushes: "redis" or "postgres".
    name = ""

    def __init__(self, connect: Callable[[], Channel], messages: Messages, clock: Clock) -> None:
        self.messages = messages
        self._connect = connect
        self._steady = clock.steady
        self._closed = False
        self._start_afresh()
        forks.watch(self)

    def _start_afresh(self) -> None:
        #: Whether the server has said that we are subscribed, and was heard since.
        self.connected = False
        #: Messages that were ours and understood.
        self.received = 0
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._channel: Channel | None = None
        self._complained = False

    def send(self, entries: Sequence[Entry]) -> None:
        """Tell the others, after the commit; never blocks or raises. Where the commit itself tells: nothing."""

    def follow(self, audience: Audience) -> None:
        """Listen from now on. Cheap when it does already; never blocks, never raises."""
        if self._follows():
            return
        with self._lock:
            if self._closed or self._follows():
                return
            thread = threading.Thread(target=self._run, args=(audience,), name="drf-lanyard-push", daemon=True)
            self._thread = thread
            try:
                thread.start()  # it waits for the lock that we hold
            except RuntimeError:  # no more threads to be had: the reader does without
                self._thread = None

    def _follows(self) -> bool:
        return (thread := self._thread) is not None and thread.is_alive()

    def rest(self) -> None:
        """Let go of the connection until `follow` is called again."""
        with self._lock:
            self._thread = None
            self._wake.notify_all()
            if self._channel is not None:
                self._channel.interrupt()  # its thread closes it
            self._channel, self.connected = None, False

    def close(self) -> None:
        """For good."""
        self._closed = True
        self.rest()

    # The thread

    def _run(self, audience: Audience) -> None:
        me = threading.current_thread()
        with self._lock:  # whoever started us still holds it
            pass
        failures = 0
        while self._thread is me:
            began = self._steady()
            try:
                self._listen(me, audience)
            except Exception as error:  # whatever it is: this is a hint, and is tried again
                self._complain(me, error)
            # A server that lets us in and throws us out again has not recovered.
            failures = 0 if self._steady() - began > BACKOFF[1] else failures + 1
            self._pause(me, failures)

    def _listen(self, me: threading.Thread, audience: Audience) -> None:
        """Until the connection is lost, which raises, or nobody wants it any more."""
        channel = self._connect()
        try:
            with self._lock:
                if self._thread is not me:
                    return
                self._channel = channel
            self._hear(channel, audience)  # that we are subscribed
            with self._lock:
                self.connected = self._channel is channel
            self._recovered()
            audience.hint()  # something may have been said while we were not there
            while self._thread is me:
                self._hear(channel, audience)
        finally:
            with self._lock:
                if self._channel is channel:
                    self._channel, self.connected = None, False
            channel.close()

    def _hear(self, channel: Channel, audience: Audience) -> None:
        heard = channel.receive(HEARTBEAT)
        if heard is None:
            channel.ping()
            heard = channel.receive(HEARTBEAT)
            if heard is None:
                raise TimeoutError("no sign of life")
        for text in heard:
            try:
                entries = self.messages.decode(text)
            except ValueError:  # msgspec's errors are ValueErrors too
                continue
            self.received += 1
            if entries:
                audience.add(entries)
            else:
                audience.hint()

    def _pause(self, me: threading.Thread, failures: int) -> None:
        """Longer after each failure, and at random: thousands of processes have lost the same server."""
        first, most = BACKOFF
        ends = self._steady() + random.uniform(0, min(most, first * 2 ** min(failures, 10)))
        with self._lock:
            while self._thread is me and (left := ends - self._steady()) > 0:
                self._wake.wait(left)

    def _complain(self, me: threading.Thread, error: Exception) -> None:
        if self._thread is me and not self._complained:
            self._complained = True
            logger.warning("Push is lost (%s); revocations arrive by reading the log until it is back.", _name(error))

    def _recovered(self) -> None:
        if self._complained:
            self._complained = False
            logger.warning("Push is back.")

    # Forks

    def after_fork(self) -> None:
        """In a child: no thread, nothing connected; the parent's connection set aside."""
        if os.getpid() == self._pid:
            return
        channel = self._channel
        self._start_afresh()
        if channel is not None:
            channel.park()


def _name(error: Exception) -> str:
    """What kind of error: its text may hold an address with a password."""
    return type(error).__name__
