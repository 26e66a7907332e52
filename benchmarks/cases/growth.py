"""Does it stay as quick when there are many sessions, each refreshed fifty times? And how much room does it take?"""

from functools import partial

from ..kit import Bench, Rows, interleaved, median
from ..workers import REQUESTS, Worker, close_all

FILL = "benchmarks.inside.growth"
REFRESH = "benchmarks.inside.refreshes"
PEER = "simplejwt_blacklist"


def run(bench: Bench) -> dict[str, Rows]:
    ours, theirs = bench.pick((10_000, 100_000, 1_000_000), (1_000, 10_000)), bench.pick(10_000, 1_000)
    plan = [("lanyard", size) for size in ours]
    plan += [(PEER, theirs)] if "djangorestframework-simplejwt" in bench.versions else []
    workers: dict[str, Worker] = {}
    rows: Rows = {}
    try:
        for variant, size in plan:  # they start together
            environment = bench.databases.environment(variant, bench.databases.new("postgres"))
            workers[f"{variant} {size}"] = Worker(environment)
        for variant, size in plan:
            name = f"{variant} {size}"
            fill = "fill_lanyard" if variant == "lanyard" else "fill_simplejwt"
            label = f"{'drf-lanyard' if variant == 'lanyard' else 'simplejwt, rotate + blacklist'}, {size:,} sessions"
            rows[name] = {"label": label, **workers[name].call(f"{FILL}:{fill}", sessions=size)}
            workers[name].call(f"{REQUESTS}:prepare")
            workers[name].call(f"{REFRESH}:prepare")
        for key, work, count in (
            ("median_us", f"{REQUESTS}:time_requests", bench.pick(200, 60)),
            ("refresh_us", f"{REFRESH}:time_refreshes", bench.pick(50, 15)),
        ):
            works = {name: partial(worker.call, work, count=count) for name, worker in workers.items()}
            for name, took in interleaved(bench.pick(15, 2), works).items():
                rows[name][key] = median(took)
    finally:
        close_all(workers.values())
    extrapolate(rows, theirs, [size for size in ours if size > theirs])
    return {"growth": rows}


def extrapolate(rows: Rows, measured: int, sizes: list[int]) -> None:
    """simplejwt's tables have 101 rows for such a session: filling them would take longer than all the rest."""
    found = rows.get(f"{PEER} {measured}")
    for size in sizes if found else ():
        rows[f"{PEER} {size}"] = {
            "label": f"simplejwt, rotate + blacklist, {size:,} sessions (extrapolated)",
            "rows": found["rows"] * size // measured,
            "megabytes": found["megabytes"] * size / measured,
        }
