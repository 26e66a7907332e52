"""Writes in the background what requests have only noted."""

import logging
import os
import threading
from collections.abc import Callable

from django.db import connections

logger = logging.getLogger("drf_lanyard")


class Recorder:
    """Calls `flush` once, `interval` seconds after the first `wake`, on a thread that then ends."""

    def __init__(self, flush: Callable[[], int], interval: float = 60.0) -> None:
        self._flush = flush
        self._interval = interval
        self._timer: threading.Timer | None = None
        self._pid = os.getpid()

    def wake(self) -> None:
        """Cheap when a call is due already. A forked child starts its own thread."""
        if self._timer is not None and self._pid == os.getpid():
            return
        self._pid = os.getpid()
        self._timer = timer = threading.Timer(self._interval, self._run)
        timer.daemon = True
        timer.name = "drf-lanyard-recorder"
        timer.start()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        self._timer = None
        try:
            self._flush()
        except Exception as error:  # only the times of last use are lost
            logger.warning("The last use of API tokens could not be recorded (%s).", type(error).__name__)
        finally:
            connections.close_all()  # this thread's own
