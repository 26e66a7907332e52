"""Requests that come at a steady pace, or after a pause."""

import time

from . import requests


def paced(rate: float, count: int) -> dict[str, float]:
    """Send `count` requests, `rate` a second; microseconds. The credential was seen before, at the least."""
    took = []
    environs = requests.asked().environs(count)
    begin = time.perf_counter()
    for number, one in enumerate(environs, start=1):
        pause = begin + number / rate - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        took.append(_one(one))
    p50, p99 = requests.percentiles(took, 0.5, 0.99)
    return {"median_us": p50, "p99_us": p99, "max_us": max(took), "per_second": count / (time.perf_counter() - begin)}


def stalls(count: int, pause: float) -> dict[str, float]:
    """The first request after a pause (seconds) longer than the lease, and the one right behind it; microseconds."""
    first, second = [], []
    for _ in range(count):
        time.sleep(pause)
        one, other = requests.asked().environs(2)
        first.append(_one(one))
        second.append(_one(other))
    return {
        "first_us": requests.percentiles(first, 0.5)[0],
        "next_us": requests.percentiles(second, 0.5)[0],
        "stall_us": requests.percentiles([a - b for a, b in zip(first, second, strict=True)], 0.5)[0],
        "worst_us": max(first),
    }


def _one(environ: requests.Environ) -> float:
    began = time.perf_counter()
    status, _ = requests.ask(requests.handler(), environ)
    took = time.perf_counter() - began
    if status != 200:
        raise AssertionError(status)
    return took * 1e6
