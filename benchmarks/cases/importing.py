"""Time and memory that adding the app costs: at `django.setup()`, and once its authenticator is imported too."""

import json
import subprocess
import sys
from functools import partial
from typing import Any

from ..kit import Bench, Rows, above, interleaved, median
from ..variants import BY_NAME
from ..workers import ROOT

VARIANTS = ("null", "lanyard", "simplejwt", "drf_token", "knox", "drf_jwt", "drf_sessions", "allauth")


def run(bench: Bench) -> dict[str, Rows]:
    names = [name for name in VARIANTS if not BY_NAME[name].package or BY_NAME[name].package in bench.versions]
    if bench.quick:
        bench.note("import: a quick run measures drf-lanyard and simplejwt only")
        names = [name for name in names if name in ("null", "lanyard", "simplejwt")]
    took = interleaved(bench.pick(7, 2), {name: partial(once, bench, name) for name in names})
    took = {name: results for name, results in took.items() if None not in results}
    rows: Rows = {}
    for name, results in took.items():
        base = "REST framework alone (the other rows are on top)"
        rows[name] = {"label": base if name == "null" else BY_NAME[name].label}
        for key in ("setup_ms", "setup_kb", "used_ms", "used_kb"):
            values = [result[key] for result in results]
            floor = [result[key] for result in took["null"]]
            rows[name][key] = float(median(values) if name == "null" else above(values, floor))
        rows[name]["median_us"] = rows[name]["setup_ms"] * 1000
    return {"import": rows}


def once(bench: Bench, name: str) -> dict[str, Any] | None:
    variant = BY_NAME[name]
    modules = [variant.authentication.rpartition(".")[0]] if name != "null" else []
    apps = [*(app for app in ("django.contrib.messages", "django.contrib.admin") if name == "drf_sessions")]
    command = [sys.executable, "-m", "benchmarks.inside.startup"]
    command += [json.dumps([*apps, "rest_framework", *variant.apps]), *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        bench.note(f"import: {name} does not start: {done.stderr.strip().splitlines()[-1]}")
        return None
    result: dict[str, Any] = json.loads(done.stdout)
    return result
