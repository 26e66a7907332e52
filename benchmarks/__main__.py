"""`python -m benchmarks [--quick] [--cases auth_cost,http] [--output FILE]`."""

import argparse
import importlib.metadata
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import page, plots, results, tables
from .cases import CASES
from .kit import Bench
from .servers import Databases

#: What is measured, and what it stands on.
DISTRIBUTIONS = (
    "drf-lanyard",
    "djangorestframework-simplejwt",
    "django-rest-knox",
    "drf-jwt",
    "drf-sessions",
    "django-allauth",
    "Django",
    "djangorestframework",
    "PyJWT",
    "joserfc",
    "cryptography",
    "msgspec",
    "psycopg",
    "redis",
    "gunicorn",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description="drf-lanyard beside its peers.")
    parser.add_argument("--quick", action="store_true", help="within a minute; noisier, and smaller tables")
    parser.add_argument("--cases", default=",".join(CASES), help=f"of: {', '.join(CASES)}")
    parser.add_argument("--output", type=Path, help="where the results go (default: benchmarks/results/latest.json)")
    parser.add_argument("--plots", type=Path, help="a folder for the plots (default: docs/plots; none when --quick)")
    options = parser.parse_args()
    wanted = [name for name in CASES if name in options.cases.split(",")]
    if not wanted or set(options.cases.split(",")) - set(CASES):
        parser.error(f"the cases are: {', '.join(CASES)}")
    return measure(options, wanted)


def measure(options: argparse.Namespace, wanted: list[str]) -> int:
    versions, missing = installed()
    about = results.machine()
    cases: results.Cases = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lanyard-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the servers run as another user
        databases = Databases(folder, frozenset(versions))
        bench = Bench(quick=options.quick, databases=databases, versions=versions, missing=missing)
        try:
            for case in wanted:
                started = time.monotonic()
                found = CASES[case](bench)
                cases.update(found)
                for name, rows in found.items():
                    print(tables.text(tables.TABLES[name], rows))
                print(f"  ({case}: {time.monotonic() - started:.0f} s)", flush=True)
        finally:
            databases.stop()
    how = "quick" if options.quick else "full"
    path = options.output or (results.LATEST.with_name("quick.json") if options.quick else results.LATEST)
    versions |= databases.versions
    told = results.write(path, cases, about=about, versions=versions, missing=missing, how=how)
    print(tables.text(tables.TABLES["ratios"], results.judged(told["ratios"])))
    if options.plots or not options.quick:
        documented(told, options.plots)
    for text in bench.notes:
        print(f"! {text}")
    print(f"\n{how}: {time.monotonic() - began:.0f} s; {path}")
    return 0


def documented(told: dict[str, Any], folder: Path | None) -> None:
    """The plots, and the tables of the documentation's page; only of what was measured this time."""
    plots.write(told["cases"], folder or page.PLOTS)
    if folder is None:
        page.PAGE.write_text(page.filled(page.PAGE.read_text(), told))


def installed() -> tuple[dict[str, str], dict[str, str]]:
    """Versions; and of what is not installed the reason that setup found."""
    reasons = Path(sys.prefix) / "peers.json"
    why = json.loads(reasons.read_text()) if reasons.exists() else {}
    versions, missing = {}, {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing[name] = why.get(name, "not installed")
    return versions, missing


if __name__ == "__main__":
    sys.exit(main())
