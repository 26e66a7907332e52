"""What a refresh costs: each library's own endpoint, on PostgreSQL, with the commits that it makes."""

from ..kit import Bench, Rows, Team, above, median
from ..variants import BY_NAME

INSIDE = "benchmarks.inside.refreshes"
VARIANTS = (
    "null",
    "lanyard",
    "simplejwt",
    "simplejwt_rotate",
    "simplejwt_blacklist",
    "knox_refresh",
    "allauth",
)


def run(bench: Bench) -> dict[str, Rows]:
    present = [name for name in VARIANTS if not BY_NAME[name].package or BY_NAME[name].package in bench.versions]
    rounds, refreshes = bench.pick(17, 3), bench.pick(50, 15)
    with bench.start(present, "postgres", f"{INSIDE}:prepare") as team:
        took = team.rounds(f"{INSIDE}:time_refreshes", rounds, count=refreshes)
        counts = counted(bench, team, refreshes)
    rows: Rows = {}
    for name in VARIANTS:
        label = "null (an endpoint that does nothing)" if name == "null" else BY_NAME[name].label
        if name not in took:
            rows[name] = {"label": label, "missing": bench.missing.get(BY_NAME[name].package, "does not run")}
            continue
        cost = {"median_us": median(took[name]), "cost_us": above(took[name], took["null"])}
        rows[name] = {"label": label, **cost, **counts[name]}
    return {"refresh": rows}


def counted(bench: Bench, team: Team, refreshes: int) -> Rows:
    """Statements and rows per refresh, counted by the server; making the tokens is not in it."""
    before, rows = {}, {}
    for name, worker in team.workers.items():
        worker.call(f"{INSIDE}:line_up", count=refreshes)
        worker.call(f"{INSIDE}:report")
        before[name] = bench.databases.rows_written(team.names[name])
    with bench.databases.counting() as seen:
        for worker in team.workers.values():
            worker.call("benchmarks.inside.requests:go")
    for name, worker in team.workers.items():
        worker.call(f"{INSIDE}:report")
        after = bench.databases.rows_written(team.names[name])
        statements = seen.get(team.names[name], {})
        rows[name] = {
            "queries": statements.get("statements", 0) / refreshes,
            "transactions": statements.get("transactions", 0) / refreshes,
            **{kind: (after[kind] - before[name][kind]) / refreshes for kind in after},
        }
    return rows
