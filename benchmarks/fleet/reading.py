"""How often a process reads the log, and how many of its requests wait for that, as a function of its traffic."""

import math
import random
import time
from multiprocessing.connection import Connection
from typing import Any

from .ground import choose, quantile
from .members import boot_clock, members

#: Requests per second of one process -> how many such processes run, all at the same time.
RATES = {0.1: 12, 0.3: 8, 1.0: 6, 3.0: 4, 10.0: 3, 100.0: 2, 1000.0: 1}


def expected_reads(rate: float, lease: float) -> float:
    """Reads per second of a process with `rate` requests per second at random moments.

    A read follows the one before after half a lease, or with the first request that comes later: on average
    lease / 2 + exp(-rate * lease / 2) / rate.
    """
    return 1 / (lease / 2 + math.exp(-rate * lease / 2) / rate)


def expected_waiting(rate: float, lease: float) -> float:
    """The share of requests that wait for a read: the first ones after a lease without any."""
    return expected_reads(rate, lease) * math.exp(-rate * lease) / rate


def measure_reads(seconds: float, lease: float = 1.0) -> list[dict[str, Any]]:
    """One row per rate."""
    from django.contrib.auth import get_user_model
    from django.db import connections

    from drf_lanyard import sign_in

    choose()
    token = sign_in(None, get_user_model().objects.create_user(f"reads-{time.time_ns()}")).access
    connections.close_all()
    return _all_at_once(token, seconds, lease)


def _all_at_once(token: str, seconds: float, lease: float) -> list[dict[str, Any]]:
    rates = [rate for rate, size in RATES.items() for _ in range(size)]
    with members(reading, len(rates), token, seconds, {"LEASE": lease}) as crowd:
        for member, rate in zip(crowd, rates, strict=True):
            member.send(rate)
        found = [(rate, member.answer()) for member, rate in zip(crowd, rates, strict=True)]
    return [_row(rate, [one for r, one in found if r == rate], seconds, lease) for rate in RATES]


def _row(rate: float, processes: list[dict[str, Any]], seconds: float, lease: float) -> dict[str, Any]:
    took = [one for process in processes for one in process["took_ms"]]
    waits = [one for process in processes for one in process["waits_ms"]]
    total = seconds * len(processes)
    return {
        "rate": rate,
        "processes": len(processes),
        "requests_per_s": round(len(took) / total, 2),
        "reads_per_s": round(sum(process["reads"] for process in processes) / total, 3),
        "expected_reads_per_s": round(expected_reads(rate, lease), 3),
        "waiting_share": round(len(waits) / max(1, len(took)), 4),
        "expected_waiting_share": round(expected_waiting(rate, lease), 4),
        "wait_p50_ms": round(quantile(waits, 0.5), 2) if waits else None,
        "wait_max_ms": round(max(waits), 2) if waits else None,
        "request_p50_ms": round(quantile(took, 0.5), 4),
        "request_p99_ms": round(quantile(took, 0.99), 4),
    }


def reading(pipe: Connection, token: str, seconds: float, lanyard: dict[str, Any]) -> None:
    """Serve requests at random moments for a while; tell how many reads that took and how long each request."""
    from drf_lanyard.core.reader import Reader
    from drf_lanyard.stores.orm_log import OrmLog
    from drf_lanyard.wiring import get_lanyard

    choose(**lanyard)
    rate = float(pipe.recv())
    reads: list[float] = []
    waits: list[float] = []
    _timed(OrmLog, "read", reads)
    _timed(Reader, "_wait", waits)
    service = get_lanyard()
    service.authenticate(token)  # connects
    reads.clear()
    waits.clear()
    took, begin = [], boot_clock()
    at = begin + random.expovariate(rate)
    while at < begin + seconds:
        time.sleep(max(0.0, at - boot_clock()))
        started = boot_clock()
        service.authenticate(token)
        took.append(1000 * (boot_clock() - started))
        at += random.expovariate(rate)
    time.sleep(max(0.0, begin + seconds - boot_clock()))
    pipe.send({"reads": len(reads), "took_ms": took, "waits_ms": waits})
    time.sleep(60)  # until this process is killed


def _timed(owner: type, name: str, into: list[float]) -> None:
    """Note the milliseconds of every call."""
    original = getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        started = boot_clock()
        try:
            return original(*arguments)
        finally:
            into.append(1000 * (boot_clock() - started))

    setattr(owner, name, timed)
