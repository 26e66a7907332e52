"""A process with little to do: statements per request, latency, connections held, and the stall at the lease's edge."""

from ..kit import Bench, Row, Rows, Team
from ..variants import BY_NAME

INSIDE = "benchmarks.inside.quiet"
VARIANTS = ("lanyard", "simplejwt", "simplejwt_stateless")
#: Requests per second -> how many are sent.
FULL = {0.1: 5, 1: 20, 10: 80, 1000: 5000}
QUICK = {1: 2, 10: 10, 1000: 500}
#: Seconds: longer than the lease, so that the snapshot is stale.
PAUSE = 1.3


def run(bench: Bench) -> dict[str, Rows]:
    present = [name for name in VARIANTS if BY_NAME[name].package in bench.versions]
    rows: Rows = {}
    with bench.start(present, "postgres") as team:
        for rate, count in bench.pick(FULL, QUICK).items():
            rows |= paced(bench, team, rate, count)
        edge = after_pause(team, bench.pick(15, 2))
    if bench.quick:
        bench.note("quiet: 0.1 requests/s takes a minute, and is left to the full run")
    return {"quiet": rows, "quiet_edge": edge}


def paced(bench: Bench, team: Team, rate: float, count: int) -> Rows:
    """All at once where the processor has time for that, else one after the other."""
    slow = rate < 100
    told: dict[str, Row] = {}
    with bench.databases.counting() as seen:
        if slow:
            for worker in team.workers.values():
                worker.tell(f"{INSIDE}:paced", rate=rate, count=count)
        for name, worker in team.workers.items():
            told[name] = worker.answer() if slow else worker.call(f"{INSIDE}:paced", rate=rate, count=count)
        held = connections(bench, team)
    rows: Rows = {}
    for name, row in told.items():
        statements = seen.get(team.names[name], {}).get("statements", 0)
        rows[f"{name} {rate:g}"] = {
            "label": f"{BY_NAME[name].label}, {rate:g}/s",
            **row,
            "queries": statements / count,
            "queries_per_second": statements / count * row["per_second"],
            "connections": held[name],
        }
    return rows


def connections(bench: Bench, team: Team) -> dict[str, int]:
    """Sessions that each process has open at the server now."""
    with bench.databases.connect("postgres") as connection:
        found = dict(connection.execute("SELECT datname, count(*) FROM pg_stat_activity GROUP BY 1").fetchall())
    return {name: found.get(team.names[name], 0) for name in team.workers}


def after_pause(team: Team, count: int) -> Rows:
    for worker in team.workers.values():
        worker.tell(f"{INSIDE}:stalls", count=count, pause=PAUSE)
    rows = {name: {"label": BY_NAME[name].label, **worker.answer()} for name, worker in team.workers.items()}
    for row in rows.values():
        row["median_us"] = row["stall_us"]
    return rows
