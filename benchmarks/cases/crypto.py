"""Verify and mint per algorithm, on the same token: our door at first sight, PyJWT, joserfc, the bare primitive."""

from functools import partial

from ..kit import Bench, Row, Rows, interleaved, median
from ..workers import Worker

INSIDE = "benchmarks.inside.crypto"
#: Operations per round: some thousand microseconds each.
COUNTS = {"HS256": 2000, "RS256": 300, "PS256": 300, "ES256": 150, "EdDSA": 100}


def run(bench: Bench) -> dict[str, Rows]:
    worker = Worker({"DJANGO_SETTINGS_MODULE": ""})
    try:
        return {"crypto": measured(bench, worker)}
    finally:
        worker.close()


def measured(bench: Bench, worker: Worker) -> Rows:
    rows: Rows = {}
    for algorithm, full in COUNTS.items():
        rounds, count = bench.pick(31, 5), bench.pick(full, full // 4)
        for kind, names in worker.call(f"{INSIDE}:names", algorithm=algorithm).items():
            slow = kind == "mint" and algorithm in ("RS256", "PS256")  # signing with RSA
            asked = {"algorithm": algorithm, "kind": kind, "count": count // 8 if slow else count}
            took = interleaved(
                rounds,
                {name: partial(worker.call, f"{INSIDE}:time_one", name=name, **asked) for name in names},
            )
            rows |= {f"{algorithm} {kind}, {name}": _row(algorithm, kind, name, took[name]) for name in names}
    return rows


def _row(algorithm: str, kind: str, name: str, took: list[float]) -> Row:
    ordered = sorted(took)
    quarters = (ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4])
    return {
        "label": f"{algorithm} {kind}, {name}",
        "median_us": median(took),
        "quartiles_us": f"{quarters[0]:.2f} to {quarters[1]:.2f}",
    }
