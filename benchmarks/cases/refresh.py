"""What a refresh costs: each library's own endpoint, on PostgreSQL, with the commits that it makes."""

import statistics
from contextlib import ExitStack
from typing import Any

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
#: Whose time is taken apart, and the databases that it takes: the commits of one return before they are on disk, and
#: the statements of the other are prepared once per connection. Neither is how anybody is compared.
APART = ("lanyard", "simplejwt_blacklist")
OPTIONS: dict[str, dict[str, Any]] = {
    "early": {"options": "-c synchronous_commit=off"},
    "prepared": {"server_side_binding": True, "prepare_threshold": 0},
}


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
    names = [name for name in APART if name in took]
    return {"refresh": rows, **({} if bench.quick else {"refresh_parts": taken_apart(bench, names)})}


def taken_apart(bench: Bench, names: list[str], rounds: int = 9, refreshes: int = 40) -> Rows:
    """In rounds of its own. The disk is what commits that wait for it take longer; the shares are measured without."""
    with ExitStack() as stack:
        team = stack.enter_context(bench.start(["null", *names], "postgres", f"{INSIDE}:prepare"))
        for kind, options in OPTIONS.items():
            other = stack.enter_context(bench.start(names, "postgres", f"{INSIDE}:prepare", OPTIONS=options))
            team.workers |= {f"{name} {kind}": worker for name, worker in other.workers.items()}
        took = team.rounds(f"{INSIDE}:time_shares", rounds, count=refreshes)
        return {name: _parts(took, name) for name in names}


def _parts(took: dict[str, list[Any]], name: str) -> dict[str, Any]:
    whole, early, null = (_each(took[key], "us") for key in (name, f"{name} early", "null"))
    driven, driven_early = (_each(took[key], "driven_us") for key in (name, f"{name} early"))
    disk = [one - other for one, other in zip(driven, driven_early, strict=True)]
    low, _, high = statistics.quantiles(disk, n=4)
    return {
        "label": BY_NAME[name].label,
        "median_us": median(whole),
        "null_us": median(null),
        "python_us": median([one - floor - sql for one, floor, sql in zip(early, null, driven_early, strict=True)]),
        "statements_us": median(driven_early),
        "disk_us": median(disk),
        "disk_quartiles_us": f"{low:,.0f} to {high:,.0f}",
        "prepared_us": median(_each(took[f"{name} prepared"], "us")),
    }


def _each(results: list[Any], key: str) -> list[float]:
    return [float(result[key]) for result in results]


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
