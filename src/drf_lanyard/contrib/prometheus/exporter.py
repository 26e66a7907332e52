"""From the core's plain numbers to Prometheus' metrics.

The metrics are real objects that grow, and no collector that is asked: only so do they reach the files through which
several processes are scraped as one (PROMETHEUS_MULTIPROC_DIR).
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from prometheus_client import Counter, Histogram

from ...core import forks
from ...core.counts import counts
from ...core.fleet import Report, Reports
from ...signals import revoked
from . import metrics

logger = logging.getLogger("drf_lanyard")

#: What a counter has to be, now.
_COUNTERS: tuple[tuple[Counter, Callable[[], int]], ...] = (
    (metrics.reads.labels(outcome="good"), lambda: counts.good_reads),
    (metrics.reads.labels(outcome="failed"), lambda: counts.failed_reads),
    (metrics.entries_applied, lambda: counts.applied),
    (metrics.outage_refusals, lambda: counts.refusals),
    (metrics.cache_hits.labels(token="access"), counts.jwt_hits),
    (metrics.cache_hits.labels(token="api"), lambda: counts.api_token_hits),
    (metrics.cache_misses.labels(token="access"), lambda: counts.jwt_misses),
    (metrics.cache_misses.labels(token="api"), lambda: counts.api_token_misses),
)


class Exporter:
    """Brings the metrics up to date whenever the reader has done something, on the thread that did it."""

    def __init__(self) -> None:
        self.after_fork()
        forks.watch(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()
        self._exported = [0] * len(_COUNTERS)
        self._read = 0
        self._messages = 0
        self._complained = False

    def hold(self) -> None:
        """Until `let_go` nothing is flushed."""
        self._lock.acquire()

    def let_go(self) -> None:
        self._lock.release()

    def connect(self) -> None:
        counts.changed = self.flush
        revoked.connect(on_revoked, dispatch_uid="lanyard.prometheus")

    def flush(self, reader: Reports) -> None:
        """Never raises, and never waits: while another thread is at it, the next flush will do."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._flush(reader.report())
        except Exception as error:  # no disk space for the files, say: no reason to stop reading
            if not self._complained:
                logger.warning("The metrics cannot be written (%s).", type(error).__name__)
            self._complained = True
        finally:
            self._lock.release()

    def _flush(self, report: Report) -> None:
        for index, (counter, value) in enumerate(_COUNTERS):
            if (grown := value() - self._exported[index]) > 0:
                self._exported[index] += grown
                counter.inc(grown)
        _observe(metrics.read_seconds, counts.read_seconds)
        _observe(metrics.snapshot_age_seconds, counts.snapshot_ages)
        _observe(metrics.request_wait_seconds, counts.wait_seconds)
        if counts.good_reads != self._read:
            self._read = counts.good_reads
            metrics.last_read.set_to_current_time()
            metrics.live_entries.labels(kind="credential").set(report.dead)
            metrics.live_entries.labels(kind="user").set(report.epochs)
        if report.push:
            self._export_push(report)

    def _export_push(self, report: Report) -> None:
        metrics.push_connected.labels(push=report.push).set(report.push_connected)
        grown = report.push_messages - self._messages
        self._messages = report.push_messages
        metrics.push_messages.labels(push=report.push).inc(max(0, grown))


def _observe(histogram: Histogram, durations: deque[float]) -> None:
    while durations:
        histogram.observe(durations.popleft())


def on_revoked(
    *, session_ids: Collection[UUID], token_ids: Collection[UUID], user_ids: Collection[str], reason: str, **more: Any
) -> None:
    """What this process itself has revoked."""
    label = reason if reason in metrics.REASONS else "other"
    metrics.revocations.labels(reason=label).inc(len(session_ids) + len(token_ids) + len(user_ids))


#: That of this process.
exporter = Exporter()
if hasattr(os, "register_at_fork"):  # not in the middle of a flush: a child would inherit prometheus_client's own locks
    os.register_at_fork(before=exporter.hold, after_in_parent=exporter.let_go)
