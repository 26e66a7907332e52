"""What authentication costs per request, on top of an authenticator that returns a prebuilt user."""

from collections.abc import Sequence

from ..kit import Bench, Rows, Team, beside_null
from ..variants import BY_NAME
from ..workers import REQUESTS

VARIANTS = (
    "null",
    "lanyard",
    "lanyard_first",
    "lanyard_token",
    "lanyard_cookie",
    "lanyard_user",
    "simplejwt_stateless",
    "simplejwt",
    "drf_token",
    "knox",
    "drf_jwt",
    "django_session",
    "drf_sessions",
    "allauth",
    "allauth_stateful",
    "step_vary",
    "step_user",
    "step_floor",
)


#: Those that cost not much more than the method can tell apart: a process may be a microsecond or two slower for where
#: things lie in its memory, so that these are measured in three processes, one after the other.
OFTEN = {
    "null",
    "lanyard",
    "lanyard_token",
    "lanyard_cookie",
    "simplejwt_stateless",
    "step_vary",
    "step_user",
    "step_floor",
}
#: What a quick run measures: what the ratios need.
FEW = ("null", "lanyard", "lanyard_token", "lanyard_cookie", "simplejwt_stateless")
FEW_POSTGRES = ("null", "lanyard", "simplejwt", "knox")


def run(bench: Bench) -> dict[str, Rows]:
    if bench.quick:
        bench.note("auth_cost: a quick run leaves out most peers")
    return {
        "auth_cost_sqlite": measured(bench, "sqlite", bench.pick(VARIANTS, FEW)),
        "auth_cost_postgres": measured(bench, "postgres", bench.pick(VARIANTS, FEW_POSTGRES)),
    }


def measured(bench: Bench, vendor: str, wanted: Sequence[str]) -> Rows:
    present = [name for name in wanted if not BY_NAME[name].package or BY_NAME[name].package in bench.versions]
    rounds, requests = bench.pick(9, 5), bench.pick(250, 75)
    with bench.start(present, vendor) as team:
        whole = team.rounds(f"{REQUESTS}:time_beside_null", rounds, count=requests)
        queries = counted(bench, team, vendor, bench.pick(600, 50))
    often = [name for name in present if name in OFTEN]
    for _ in range(bench.pick(2, 0)):
        with bench.start(often, vendor) as team:
            for name, more in team.rounds(f"{REQUESTS}:time_beside_null", rounds, count=requests).items():
                whole[name] += more
    rows: Rows = {}
    for name in wanted:
        label, package = BY_NAME[name].label, BY_NAME[name].package
        if name not in whole:
            rows[name] = {"label": label, "missing": bench.missing.get(package, "does not run")}
            continue
        rows[name] = {
            "label": label,
            **beside_null(whole[name]),
            "queries": queries[name],
        }
    return rows


def counted(bench: Bench, team: Team, vendor: str, requests: int) -> dict[str, float]:
    """Statements per request at full speed, counted by the database; those of the reader's thread are in it."""
    if vendor == "sqlite":
        return {n: w.call(f"{REQUESTS}:count_sqlite", count=requests) for n, w in team.workers.items()}
    for worker in team.workers.values():
        worker.call(f"{REQUESTS}:line_up", count=requests)
    with bench.databases.counting() as seen:
        for worker in team.workers.values():
            worker.call(f"{REQUESTS}:go")
    return {name: seen.get(team.names[name], {}).get("statements", 0) / requests for name in team.workers}
