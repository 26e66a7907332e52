"""From rows to latest.json: the machine, the versions, the ratios that have targets."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .tables import Rows

Cases = dict[str, Rows]
LATEST = Path(__file__).parent / "results" / "latest.json"

#: Ratio -> (how it is computed, target, whether at most).
_RATIOS: dict[str, tuple[Callable[[Cases], float], float | None, bool]] = {
    "auth_stateless": (lambda c: cost(c, "sqlite", "simplejwt_stateless") / cost(c, "sqlite"), 15, False),
    "auth_default_pg": (lambda c: cost(c, "postgres", "simplejwt") / cost(c, "postgres"), 80, False),
    "auth_knox_pg": (lambda c: cost(c, "postgres", "knox") / cost(c, "postgres"), 150, False),
    "request_over_null": (
        lambda c: 1 + cost(c, "sqlite") / us(c["auth_cost_sqlite"], "lanyard", "null_us"),
        1.08,
        True,
    ),
    "api_token_over_jwt": (lambda c: cost(c, "sqlite", "lanyard_token") / cost(c, "sqlite"), 1.5, True),
    "cookie_over_jwt": (lambda c: cost(c, "sqlite", "lanyard_cookie") / cost(c, "sqlite"), 1.5, True),
    "verify_hs256_over_limit": (
        lambda c: us(c["crypto"], "HS256 verify, drf-lanyard") / us(c["crypto"], LIMIT),
        2.5,
        True,
    ),
    "verify_hs256_over_limit_json": (
        lambda c: us(c["crypto"], "HS256 verify, drf-lanyard") / us(c["crypto"], LIMIT_JSON),
        None,
        True,
    ),
    "refresh_pg": (lambda c: us(c["refresh"], "simplejwt_blacklist") / us(c["refresh"], "lanyard"), 6, False),
    "refresh_pg_over_null": (
        lambda c: us(c["refresh"], "simplejwt_blacklist", "cost_us") / us(c["refresh"], "lanyard", "cost_us"),
        None,
        False,
    ),
    "check_1m_over_0": (lambda c: us(c["revocation"], "1000000") / us(c["revocation"], "0"), 1.2, True),
    "http_over_null": (lambda c: float(c["http"]["lanyard persistent"]["over_null"]), 0.95, False),
    "http_over_simplejwt": (lambda c: rate(c, "lanyard") / rate(c, "simplejwt"), 2.3, False),
    "http_over_simplejwt_conn0": (
        lambda c: rate(c, "lanyard", "conn0") / rate(c, "simplejwt", "conn0"),
        8,
        False,
    ),
    "refresh_1m_over_10k": (
        lambda c: us(c["growth"], "lanyard 1000000", "refresh_us") / us(c["growth"], "lanyard 10000", "refresh_us"),
        1.2,
        True,
    ),
}
VERIFY = "HS256 verify, drf-lanyard"
LIMIT = "HS256 verify, hmac.digest + one JSON decode (msgspec)"
LIMIT_JSON = "HS256 verify, hmac.digest + one JSON decode (json)"


def us(rows: Rows, name: str, key: str = "median_us") -> float:
    return float(rows[name][key])


def cost(cases: Cases, vendor: str, name: str = "lanyard") -> float:
    """Microseconds above null in the same process."""
    return us(cases[f"auth_cost_{vendor}"], name, "cost_us")


def rate(cases: Cases, name: str, connections: str = "persistent") -> float:
    return float(cases["http"][f"{name} {connections}"]["per_second"])


def ratios(cases: Cases) -> dict[str, float]:
    """Those whose cases were run."""
    found = {}
    for name, (compute, _, _) in _RATIOS.items():
        try:
            found[name] = round(compute(cases), 4)
        except (KeyError, ZeroDivisionError):
            continue
    return found


def judged(found: Mapping[str, float]) -> Rows:
    """Rows for people: ratio, target, verdict."""
    rows: Rows = {}
    for name, value in found.items():
        _, target, at_most = _RATIOS[name]
        holds = target is None or (value <= target if at_most else value >= target)
        rows[name] = {
            "value": value,
            "target": "" if target is None else f"{'<=' if at_most else '>='} {target:g}",
            "verdict": "" if target is None else "holds" if holds else "FAILS",
        }
    return rows


def write(
    path: Path,
    cases: Cases,
    *,
    about: Mapping[str, Any],
    versions: Mapping[str, str],
    missing: Mapping[str, str],
    how: str,
) -> dict[str, Any]:
    """latest.json; cases that were not run this time are left out. `about` is `machine()` before the run."""
    told = {
        "machine": about,
        "run": {"at": datetime.now(UTC).isoformat(timespec="seconds"), "how": how},
        "versions": dict(versions),
        "missing": dict(missing),
        "cases": cases,
        "ratios": ratios(cases),
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told, indent=1, default=str) + "\n")
    return told


def machine() -> dict[str, Any]:
    model = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_mb": int(memory[0].split()[1]) // 1024 if memory else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
