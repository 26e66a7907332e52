"""What a refresh costs: each library's own endpoint, on PostgreSQL, with the commits that it makes."""

from ..kit import Bench, Row, Rows, Team, above, median
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
    rounds, refreshes = bench.pick(21, 3), bench.pick(50, 15)
    with bench.start(present, "postgres", f"{INSIDE}:prepare") as team:
        took = team.rounds(f"{INSIDE}:time_refreshes", rounds, count=refreshes)
        counts = {name: counted(bench, team, name, refreshes) for name in took}
    rows: Rows = {}
    for name in VARIANTS:
        label = "null (an endpoint that does nothing)" if name == "null" else BY_NAME[name].label
        if name not in took:
            rows[name] = {"label": label, "missing": bench.missing.get(BY_NAME[name].package, "does not run")}
            continue
        cost = {"median_us": median(took[name]), "cost_us": above(took[name], took["null"])}
        rows[name] = {"label": label, **cost, **counts[name]}
    return {"refresh": rows}


def counted(bench: Bench, team: Team, name: str, refreshes: int) -> Row:
    """Statements and rows per refresh, counted by the server; making the tokens is not in it."""
    worker, database = team.workers[name], team.names[name]
    worker.call(f"{INSIDE}:line_up", count=refreshes)
    worker.call(f"{INSIDE}:report")
    before = bench.databases.rows_written(database)
    with bench.databases.counting() as seen:
        worker.call("benchmarks.inside.requests:go")
    worker.call(f"{INSIDE}:report")
    after = bench.databases.rows_written(database)
    statements = seen.get(database, {})
    return {
        "queries": statements.get("statements", 0) / refreshes,
        "transactions": statements.get("transactions", 0) / refreshes,
        **{kind: (after[kind] - before[kind]) / refreshes for kind in after},
    }
