"""What a fleet costs the database, and what telling everybody costs: `python -m benchmarks.scaling`.

Writes results/scaling.json, and from it and results/propagation.json the tables of docs/scaling.md and two plots.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from .fleet.costs import measure_log, measure_statements
from .fleet.fan_out import measure_commits, measure_notify, measure_redis
from .fleet.ground import RESULTS, machine, standing
from .fleet.page import filled, tables
from .fleet.reading import expected_reads, measure_reads
from .svg import lines

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "scaling.md"
PLOT = DOCS / "scaling-reads.svg"
#: Seconds for which traffic is watched.
WATCHED, WATCHED_QUICK = 60.0, 10.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="watch traffic for ten seconds; print, and write no files")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page and plots anew")
    options = parser.parse_args()
    if not options.page:
        found = measure(WATCHED_QUICK if options.quick else WATCHED)
        print(json.dumps(found, indent=1))
        if options.quick:
            return
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "scaling.json").write_text(json.dumps(found, indent=1) + "\n")
    found = json.loads((RESULTS / "scaling.json").read_text())
    PLOT.write_text(plot(found["reads"]))
    PAGE.write_text(filled(PAGE.read_text(), tables(found, json.loads((RESULTS / "propagation.json").read_text()))))


def measure(watched: float) -> dict[str, Any]:
    with standing() as ground:
        return {
            "machine": machine(),
            "reads": measure_reads(watched),
            "statements": measure_statements(),
            "log": measure_log(ground),
            "redis": measure_redis(ground),
            "notify": measure_notify(ground),
            "commits_per_s": measure_commits(ground),
        }


def plot(reads: list[dict[str, Any]]) -> str:
    steps = [10 ** (power / 8) for power in range(-8, 25)]
    series = {
        "measured": [(row["rate"], row["reads_per_s"]) for row in reads],
        "formula": [(rate, expected_reads(rate, 1.0)) for rate in steps],
    }
    return lines(
        "Reads of the log by one process, LEASE 1 s", "requests per second", "reads per second", series, log_x=True
    )


if __name__ == "__main__":
    main()
