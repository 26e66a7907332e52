"""Metrics: what the core counts, what Prometheus is told, and that two processes are scraped as one."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory, override_settings
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Metric, multiprocess

from drf_lanyard import revoke_session, signals
from drf_lanyard.contrib.prometheus import apps as prometheus_apps
from drf_lanyard.contrib.prometheus import metrics
from drf_lanyard.contrib.prometheus.exporter import Exporter, on_revoked
from drf_lanyard.core.counts import Counts, counts
from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.fleet import Report
from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.core.reader import Reader
from drf_lanyard.models import Session
from drf_lanyard.rest.health import health
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.wiring import get_lanyard
from tests.core.material import NOW, door, mint
from tests.core.token_world import TokenWorld

from ..databases import TestDatabase
from ..fleet.crew import Worker, crew
from ..fleet.kit import ended, eventually, no_reader_left
from .people import user
from .test_health import Log, fails

SRC = Path(prometheus_apps.__file__).parents[2]
PATIENCE = 20.0


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Grown:
    """How much samples have grown since it was made: the registry is the whole process's."""

    def __init__(self, *samples: tuple[str, dict[str, str]]) -> None:
        self._before = [(name, labels, value(name, **labels)) for name, labels in samples]

    def by(self) -> list[float]:
        return [value(name, **labels) - before for name, labels, before in self._before]


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """One that is connected, as in a process with the app installed; it starts where the others left off.

    What a reader that another test left does would count, too: there is none.
    """
    no_reader_left()
    before = counts.changed
    counts.after_fork()
    one = Exporter()
    one.connect()
    yield one
    counts.changed = before
    signals.revoked.disconnect(dispatch_uid="lanyard.prometheus")


@pytest.fixture
def make() -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def reader(behave: Callable[[], LogRead], push: Any = None, lease: float = PATIENCE) -> Reader:
        log: Any = Log(behave)
        made.append(Reader(log, lease=lease, timeout=PATIENCE, clock=SystemClock(), push=push))
        return made[-1]

    yield reader
    for one in made:
        thread = one._thread
        one.close()
        if thread is not None:
            thread.join(PATIENCE)


def a_log_of(*entries: Entry) -> Callable[[], LogRead]:
    return lambda: LogRead(entries=entries, floor=0)


def a_report(**values: Any) -> Any:
    """What a reader would say."""
    report = Report(**{"running": 1.0, "age": 0.1, "position": 1, "dead": 0, "epochs": 0, "failures": 0, **values})
    return SimpleNamespace(report=lambda: report)


# What is counted


def test_reads_waits_and_entries(exporter: Exporter, make: Callable[..., Reader]) -> None:
    grown = Grown(
        ("lanyard_reads_total", {"outcome": "good"}),
        ("lanyard_reads_total", {"outcome": "failed"}),
        ("lanyard_log_entries_applied_total", {}),
        ("lanyard_read_seconds_count", {}),
        ("lanyard_request_wait_seconds_count", {}),
        ("lanyard_outage_refusals_total", {}),
    )
    two = a_log_of(Entry(uid=1, position=1, credential=5), Entry(uid=2, position=2, subject="1", epoch=3))
    reader = make(two)
    reader.fresh()
    for _ in range(10):
        reader.fresh()
    eventually(lambda: grown.by() == [1, 0, 2, 1, 1, 0])
    assert value("lanyard_live_entries", kind="credential") == 1
    assert value("lanyard_live_entries", kind="user") == 1
    assert value("lanyard_last_read_timestamp_seconds") > 1.7e9


def test_an_entry_counts_once_however_often_it_is_read(exporter: Exporter, make: Callable[..., Reader]) -> None:
    grown = Grown(
        ("lanyard_log_entries_applied_total", {}),
        ("lanyard_snapshot_age_seconds_count", {}),
        ("lanyard_snapshot_age_seconds_bucket", {"le": "0.05"}),
    )
    numbered = threading.Event()

    def behave() -> LogRead:
        return a_log_of(Entry(uid=1, position=1 if numbered.is_set() else None, credential=5))()

    reader = make(behave, lease=0.01)
    reader.fresh()
    numbered.set()
    eventually(lambda: reader.fresh() and reader.snapshot.position == 1 and grown.by()[1] >= 3)
    ended(reader)
    applied, ages, within_the_lease = grown.by()
    assert applied == 1
    assert within_the_lease == ages, "nothing older than the lease is ever used"


def test_refusals_in_an_outage(exporter: Exporter, make: Callable[..., Reader]) -> None:
    grown = Grown(
        ("lanyard_outage_refusals_total", {}),
        ("lanyard_reads_total", {"outcome": "failed"}),
        ("lanyard_request_wait_seconds_count", {}),
    )
    reader = make(fails)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            reader.fresh()
    eventually(lambda: grown.by()[0] == 3 and grown.by()[1] >= 1)
    assert grown.by()[2] == 0


def test_known_and_unknown_access_tokens(exporter: Exporter, make: Callable[..., Reader]) -> None:
    tokens, reader = door(), make(a_log_of(), lease=0.05)
    grown = Grown(
        ("lanyard_cache_hits_total", {"token": "access"}), ("lanyard_cache_misses_total", {"token": "access"})
    )
    first, asked = mint(tokens), 0

    def ask(token: str) -> None:
        nonlocal asked
        tokens.verify(token, NOW)
        reader.fresh()
        asked += 1

    for token in (first, mint(tokens), *[first] * 20):
        ask(token)

    def all_told() -> bool:
        ask(first)
        return grown.by()[0] >= 20

    eventually(all_told)
    hits, misses = grown.by()
    assert (misses, hits <= asked - 2) == (2, True)


def test_known_and_unknown_api_tokens(exporter: Exporter) -> None:
    world = TokenWorld()
    grown = Grown(("lanyard_cache_hits_total", {"token": "api"}), ("lanyard_cache_misses_total", {"token": "api"}))
    with closing(world):
        token, _ = world.api.create(world.user.pk, "backup")
        for _ in range(5):
            world.api.authenticate(token)
    exporter.flush(a_report())
    assert grown.by() == [4, 1]
    assert counts.other_checks == 5, "or they would count as hits of access tokens"


def test_checks_that_are_about_something_else_are_no_hits() -> None:
    mine = Counts()
    mine.checks, mine.other_checks, mine.jwt_misses = 10, 4, 1
    assert mine.jwt_hits() == 5
    mine.other_checks = 50  # counted at once, while `checks` waits for the next read
    assert mine.jwt_hits() == 0


def test_a_probe_that_waits_is_no_hit(
    exporter: Exporter, make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = Grown(("lanyard_cache_hits_total", {"token": "access"}), ("lanyard_request_wait_seconds_count", {}))
    for behave in (fails, a_log_of()):
        monkeypatch.setattr(get_lanyard(), "reader", make(behave))
        health(RequestFactory().get("/health/"))
    eventually(lambda: grown.by()[1] == 1)
    assert grown.by()[0] == 0


@pytest.mark.parametrize("reason", ["logout", "refresh_reused"])
def test_revocations_by_reason(reason: str) -> None:
    grown = Grown(("lanyard_revocations_total", {"reason": reason}))
    on_revoked(session_ids=(1, 2), token_ids=(), user_ids=("1",), reason=reason, sender=Session)  # type: ignore[arg-type]
    assert grown.by() == [3]


def test_a_projects_own_reasons_make_no_labels() -> None:
    grown = Grown(("lanyard_revocations_total", {"reason": "other"}))
    for number in range(3):
        on_revoked(session_ids=(), token_ids=(), user_ids=("1",), reason=f"ticket {number}")
    assert grown.by() == [3]


@pytest.mark.django_db(transaction=True)
def test_a_revocation_is_counted(exporter: Exporter) -> None:
    from drf_lanyard import sign_in

    grown = Grown(("lanyard_revocations_total", {"reason": "revoked"}))
    issued = sign_in(None, user())
    assert revoke_session(issued.session.id)
    assert not revoke_session(issued.session.id)
    assert grown.by() == [1]


def test_every_reason_of_ours_has_a_label() -> None:
    calls = r"\.(?:revoke\w*|publisher\.\w+|sessions|users|tokens)\([^\n]*?\"([a-z_]+)\""
    found = set()
    for path in SRC.rglob("*.py"):
        text = path.read_text()
        found |= set(re.findall(calls, text)) | set(re.findall(r'(?:reason: str|REASON) = "(\w+)"', text))
    assert {"logout", "password_changed", "deleted", "revoked", "command"} <= found
    assert found - {"id", "pk"} <= metrics.REASONS  # names of columns, in the same lines


def test_the_push(exporter: Exporter) -> None:
    grown = Grown(("lanyard_push_messages_total", {"push": "redis"}))
    exporter.flush(a_report(push="redis", push_connected=True, push_messages=3))
    assert value("lanyard_push_connected", push="redis") == 1
    exporter.flush(a_report(push="redis", push_connected=False, push_messages=5))
    assert value("lanyard_push_connected", push="redis") == 0
    exporter.flush(a_report(push="redis", push_connected=True, push_messages=1))  # another connection object
    exporter.flush(a_report(push="redis", push_connected=True, push_messages=2))
    assert grown.by() == [6]


# How it behaves


def test_an_exporter_that_fails_harms_no_read(
    exporter: Exporter, make: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> None:
        raise OSError("no space left")

    monkeypatch.setattr(metrics.last_read, "set_to_current_time", full)
    reader = make(a_log_of(), lease=0.01)
    reader.fresh()
    eventually(lambda: reader.fresh() and counts.good_reads >= 3)
    assert [r.message for r in caplog.records] == ["The metrics cannot be written (OSError)."]


def test_nobody_waits_for_an_exporter_that_is_busy(exporter: Exporter) -> None:
    asked: list[int] = []
    with exporter._lock:
        exporter.flush(SimpleNamespace(report=lambda: asked.append(1)))
    assert asked == []


def test_a_forked_child_begins_at_nothing(exporter: Exporter) -> None:
    counts.good_reads = 7
    counts.wait_seconds.append(1.0)
    exporter.flush(a_report())
    grown = Grown(("lanyard_reads_total", {"outcome": "good"}), ("lanyard_request_wait_seconds_count", {}))
    counts.wait_seconds.append(1.0)
    child = os.fork()
    if child == 0:
        try:
            assert (counts.good_reads, list(counts.wait_seconds)) == (0, [])
            counts.good_reads = 2
            exporter.flush(a_report())
            assert grown.by() == [2, 0]
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_without_an_exporter_what_is_kept_is_bounded(make: Callable[..., Reader]) -> None:
    mine = Counts()
    for _ in range(5000):
        mine.wait_seconds.append(0.1)
    assert len(mine.wait_seconds) == 1000


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_apps, "find_spec", lambda name: None)
    config = prometheus_apps.PrometheusConfig("drf_lanyard.contrib.prometheus", prometheus_apps)
    with pytest.raises(ImproperlyConfigured, match=r"drf-lanyard\[prometheus\]"):
        config.ready()


def test_one_line_in_the_settings_turns_it_on() -> None:
    from django.conf import settings

    before = counts.changed
    try:
        with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "drf_lanyard.contrib.prometheus"]):
            assert counts.changed is not before
    finally:
        counts.changed = before
        signals.revoked.disconnect(dispatch_uid="lanyard.prometheus")


# Many processes


def scraped(folder: Path) -> CollectorRegistry:
    """As docs/operations.md does it, in whichever process is asked."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))
    return registry


@pytest.mark.django_db(transaction=True)
def test_two_processes_are_scraped_as_one(database: TestDatabase, tmp_path: Path) -> None:
    from drf_lanyard import sign_in

    issued, dying = (sign_in(None, user(name)) for name in ("alice", "bob"))
    token, asked = issued.access, 0
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "tests.settings_metrics"}

    def ask(workers: list[Worker]) -> bool:
        nonlocal asked
        assert [worker.ask("ask", token) for worker in workers] == ["ok"] * 2
        asked += 2
        return True

    def told(name: str, **labels: str) -> float:
        return scraped(tmp_path).get_sample_value(name, labels) or 0.0

    with crew(database, 2, **environment) as workers:
        for _ in range(20):
            ask(workers)
        workers[0].ask("revoke_session", str(dying.session.id))
        assert told("lanyard_revocations_total", reason="revoked") == 1
        eventually(lambda: ask(workers) and told("lanyard_cache_hits_total", token="access") >= 38)
        assert told("lanyard_cache_misses_total", token="access") == 2
        assert told("lanyard_cache_hits_total", token="access") <= asked - 2
        eventually(lambda: ask(workers) and told("lanyard_log_entries_applied_total") == 2)
        assert told("lanyard_live_entries", kind="credential") == 1, "held by both, and one entry"
        assert told("lanyard_reads_total", outcome="good") >= 4
        assert told("lanyard_reads_total", outcome="failed") == 0
        assert {path.stem.rpartition("_")[2] for path in tmp_path.glob("counter_*.db")} == {
            str(worker.process.pid) for worker in workers
        }
    for worker in workers:
        multiprocess.mark_process_dead(worker.process.pid, path=str(tmp_path))
    assert told("lanyard_live_entries", kind="credential") == 0
    assert told("lanyard_revocations_total", reason="revoked") == 1


def exported() -> list[Metric]:
    return [metric for metric in REGISTRY.collect() if metric.name.startswith("lanyard_")]


def test_no_label_is_about_a_person() -> None:
    labels = {name for metric in exported() for sample in metric.samples for name in sample.labels}
    assert labels <= {"reason", "outcome", "kind", "token", "push", "le"}


def test_every_metric_is_listed_with_its_labels() -> None:
    text = (SRC.parents[1] / "docs/operations.md").read_text()
    listed = re.findall(r"^\| `(lanyard_\w+)` \| (?:`(\w+)`)? ?\|", text, re.MULTILINE)
    ours = [one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)]
    assert listed == [
        (f"{one._name}_total" if isinstance(one, Counter) else one._name, "".join(one._labelnames)) for one in ours
    ]
