"""What it costs to ask whether a credential is revoked, with 0, 10,000 and 1,000,000 live entries."""

from functools import partial

from tests.server_process import Unavailable

from ..kit import Bench, Row, Rows, interleaved, median
from ..workers import Worker, close_all

INSIDE = "benchmarks.inside.live_log"


def run(bench: Bench) -> dict[str, Rows]:
    sizes = bench.pick((0, 10_000, 1_000_000), (0, 10_000))
    workers: dict[str, Worker] = {}
    rows: Rows = {}
    works = {}
    checks, queries = bench.pick(20_000, 5_000), bench.pick(300, 50)
    try:
        for size in sizes:  # they start together
            workers[str(size)] = bench_worker(bench, "lanyard")
            if "djangorestframework-simplejwt" in bench.versions:
                workers[f"simplejwt blacklist {size}"] = bench_worker(bench, "simplejwt_blacklist")
        for size in sizes:
            snapshot(workers[str(size)], size, rows)
            works[str(size)] = partial(workers[str(size)].call, f"{INSIDE}:time_checks", count=checks)
        for size in sizes:
            name = f"simplejwt blacklist {size}"
            if name in workers:
                workers[name].call(f"{INSIDE}:fill_blacklist", entries=size)
                rows[name] = {"label": f"simplejwt's blacklist query, PostgreSQL, {size:,} rows"}
                works[name] = partial(workers[name].call, f"{INSIDE}:time_blacklist", count=queries)
        works |= redis(bench, sizes, workers, rows, queries)
        for name, took in interleaved(bench.pick(21, 3), works).items():
            rows[name]["median_us"] = median(took)
    finally:
        close_all(workers.values())
    return {"revocation": rows}


def bench_worker(bench: Bench, variant: str) -> Worker:
    return Worker(bench.databases.environment(variant, bench.databases.new("postgres")))


def snapshot(worker: Worker, size: int, rows: Rows) -> None:
    """Let the process hold that many live entries; it is checked that one of them refuses."""
    row: Row = {"label": f"drf-lanyard, {size:,} entries", **worker.call(f"{INSIDE}:load", entries=size)}
    refused = worker.call(f"{INSIDE}:refused")
    if (refused == "TokenRevoked") != (size > 0):
        raise AssertionError(f"{size} entries: a dead session gets {refused}")
    rows[str(size)] = row


def redis(
    bench: Bench, sizes: tuple[int, ...], workers: dict[str, Worker], rows: Rows, queries: int
) -> "dict[str, partial[float]]":
    """One server; it is filled further from size to size, so only the largest is timed beside the empty one."""
    try:
        server = bench.databases.server("valkey")
    except Unavailable as error:
        bench.note(f"revocation: no Redis GET: {error}")
        return {}
    size = sizes[-1]
    name = f"redis {size}"
    workers[name] = Worker(bench.databases.environment("null", bench.databases.new("sqlite")))
    workers[name].call(f"{INSIDE}:fill_redis", port=server.port, password=server.password, entries=size)
    rows[name] = {"label": f"Redis GET (redis-py, Valkey), {size:,} keys"}
    return {name: partial(workers[name].call, f"{INSIDE}:time_redis", count=queries)}
