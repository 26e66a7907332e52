"""Writes in the background what requests have only noted."""

import atexit
import logging
import os
import threading
from collections.abc import Callable

from django.db import connections

logger = logging.getLogger("drf_lanyard")


class Recorder:
    """Calls `flush` once, `interval` seconds after the first `wake`, on a thread that then ends.

    What is noted when the process ends is written then, so that a token which only short-lived processes see does not
    die of idleness.
    """

    def __init__(self, flush: Callable[[], int], interval: float = 60.0) -> None:
        self._flush = flush
        self._interval = interval
        self._timer: threading.Timer | None = None
        self._running = False
        self._pid = 0

    def wake(self) -> None:
        """Cheap when a call is due already. A forked child starts its own thread."""
        if self._timer is not None and self._pid == os.getpid():
            return
        if self._pid != os.getpid():
            self._pid, self._running = os.getpid(), False
            atexit.unregister(self._at_exit)  # a forked child has inherited it
            atexit.register(self._at_exit)
        timer = threading.Timer(self._interval, self._run)
        timer.daemon = True
        timer.name = "drf-lanyard-recorder"
        self._timer = timer
        try:
            timer.start()
        except RuntimeError:  # there are too many threads, or the process is ending: no reason to refuse a request
            self._timer = None

    def close(self) -> None:
        atexit.unregister(self._at_exit)
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        self._timer = None
        if self._running:  # the call before hangs: one thread that waits for the database is enough
            return
        self._running = True
        try:
            self._flush()
        except Exception as error:  # it is tried again after the next use
            logger.warning("The last use of API tokens could not be recorded (%s).", type(error).__name__)
        finally:
            self._running = False
            connections.close_all()  # this thread's own

    def _at_exit(self) -> None:
        timer = self._timer
        if timer is not None and self._pid == os.getpid():
            timer.cancel()
            self._run()
