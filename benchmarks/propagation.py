"""How long a revocation takes to reach the last process: `python -m benchmarks.propagation`.

From the return of `revoke_session()` in one process to the moment at which the last of the others refuses. By polling
alone, and with push through Redis and PostgreSQL; with processes that are nearly idle, and with processes that verify
as fast as they can. Writes results/propagation.json and docs/propagation.svg.
"""

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .fleet.ground import RESULTS, Ground, choose, machine, quantile, standing
from .fleet.members import boot_clock, members
from .fleet.watching import LIGHT, watching
from .svg import bars

PLOT = Path(__file__).parents[1] / "docs" / "propagation.svg"
WAYS = {"poll": "poll only", "redis": "Redis", "postgres": "PostgreSQL"}
SIZES = (8, 32)
LOADS: dict[str, float | None] = {"idle": LIGHT, "saturated": None}
#: Seconds; the default.
LEASE = 1.0
#: Revocations per cell. Polling needs fewer: how long it takes is spread over the lease, not over a tail.
MANY, FEW = 150, 60
#: Seconds between two revocations are drawn up to this, so that they fall anywhere between two reads.
SPACING = 0.1
#: What push is to reach, in ms: p99 of (8 processes, 32 processes), nearly idle.
AIM = {8: 25.0, 32: 50.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Times in milliseconds."""

    way: str
    processes: int
    load: str
    revocations: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    #: How late a thread that only sleeps gets its turn in these processes: the part that is nobody's but the machine's.
    late_p99_ms: float
    #: Of all processes together, per second.
    requests_per_s: float
    #: Requests that would have been answered 503.
    unavailable: int
    #: The machine's load average when the cell began.
    load_before: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.propagation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the revocations, 8 processes only; no files")
    options = parser.parse_args()
    with standing() as ground:
        about = machine()
        cells = measure_all(ground, SIZES[:1] if options.quick else SIZES, 5 if options.quick else 1)
    print(f"\n{table(cells)}\n\n{about}")
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        result = {"machine": about, "cells": [asdict(cell) for cell in cells], "held": held(cells)}
        (RESULTS / "propagation.json").write_text(json.dumps(result, indent=1) + "\n")
        PLOT.write_text(plot(cells))


def measure_all(ground: Ground, sizes: tuple[int, ...], divisor: int) -> list[Cell]:
    cells = []
    for way in WAYS:
        for size in sizes:
            for load in LOADS:
                cells.append(measure(ground, way, size, load, (FEW if way == "poll" else MANY) // divisor))
                print(cells[-1], flush=True)
    return cells


def measure(ground: Ground, way: str, size: int, load: str, count: int) -> Cell:
    import os

    lanyard = {"LEASE": LEASE, "PUSH_URL": {"poll": None, "redis": ground.redis_url, "postgres": "postgres"}[way]}
    load_before = os.getloadavg()[0]
    live, doomed = sign_ins(count)
    with members(watching, size, lanyard, list(doomed.values()), live, LOADS[load]) as crowd:
        for member in crowd:
            assert member.answer() == "ready"
        time.sleep(1.0)  # the reads that connecting asks for are over
        began = boot_clock()
        with members(revoking, 1, lanyard, list(doomed)) as (revoker,):
            returned: dict[int, float] = revoker.answer()
        seconds = boot_clock() - began
        for member in crowd:
            member.send("stop")
        seen = [member.answer() for member in crowd]
    assert all(set(one["refused"]) == set(returned) for one in seen), "some process has not refused everything"
    assert not any(one["let_in"] for one in seen), "a token was let in after its refusal"
    took = [1000 * (max(one["refused"][dead] for one in seen) - at) for dead, at in returned.items()]
    assert max(took) <= 1000 * LEASE, "let in after the lease: no load excuses that"
    return Cell(
        way=way,
        processes=size,
        load=load,
        revocations=count,
        p50_ms=round(quantile(took, 0.5), 2),
        p99_ms=round(quantile(took, 0.99), 2),
        max_ms=round(max(took), 2),
        late_p99_ms=round(1000 * quantile([late for one in seen for late in one["late"]], 0.99), 2),
        requests_per_s=round(sum(one["served"] for one in seen) / seconds),
        unavailable=sum(one["unavailable"] for one in seen),
        load_before=round(load_before, 2),
    )


def sign_ins(count: int) -> tuple[str, dict[int, str]]:
    """A token that lives on, and `count` others by the number of their session; of one new user."""
    from django.contrib.auth import get_user_model
    from django.db import connections

    from drf_lanyard import sign_in

    choose()
    user = get_user_model().objects.create_user(f"user-{time.time_ns()}")
    live = sign_in(None, user).access
    opened = [sign_in(None, user) for _ in range(count)]
    connections.close_all()  # nothing open when processes are forked
    return live, {issued.session.id.int: issued.access for issued in opened}


def revoking(pipe: Connection, lanyard: dict[str, Any], doomed: list[int]) -> None:
    """End sessions one after the other, with pauses; tell when each call had returned."""
    from uuid import UUID

    from drf_lanyard import revoke_session

    choose(**lanyard)
    returned = {}
    for number in doomed:
        time.sleep(random.uniform(0, SPACING))
        assert revoke_session(UUID(int=number))
        returned[number] = boot_clock()
    time.sleep(0.5)  # what is still to be pushed
    pipe.send(returned)
    time.sleep(60)  # until this process is killed


def table(cells: list[Cell]) -> str:
    lines = [
        "| way | processes | load | revocations | p50 | p99 | max | a thread is late, p99 | requests/s in all |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {WAYS[c.way]} | {c.processes} | {c.load} | {c.revocations} | {c.p50_ms:.1f} ms | {c.p99_ms:.1f} ms "
        f"| {c.max_ms:.1f} ms | {c.late_p99_ms:.1f} ms | {c.requests_per_s:,.0f} |"
        for c in cells
    ]
    return "\n".join(lines)


def held(cells: list[Cell]) -> dict[str, bool]:
    """Which cells have an aim, and whether they reached it."""
    return {
        f"{cell.way}, {cell.processes} processes": cell.p99_ms <= AIM[cell.processes]
        for cell in cells
        if cell.way != "poll" and cell.load == "idle"
    }


def plot(cells: list[Cell]) -> str:
    rows = [(f"{WAYS[c.way]}, {c.processes} processes, {c.load}", c.p99_ms, c.way != "poll") for c in cells]
    return bars("From revoke to the last process that refuses: p99", "ms", rows)


if __name__ == "__main__":
    main()
