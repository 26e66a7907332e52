"""Puts the tables of a run into docs/performance.md, between `<!-- bench: NAME -->` and `<!-- end -->`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import results, tables

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/performance.md"
PLOTS = ROOT / "docs/plots"
_PLACE = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, told: Mapping[str, Any]) -> str:
    """The page with the tables of `told` (latest.json); what was not measured stays as it is."""

    def put(match: re.Match[str]) -> str:
        content = _content(match[2], told)
        return match[0] if content is None else f"{match[1]}\n{content}\n\n{match[3]}"

    return _PLACE.sub(put, text)


def _content(name: str, told: Mapping[str, Any]) -> str | None:
    if name == "machine":
        return _machine(told)
    if name == "versions":
        versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
        missing = "".join(f"; {name}: {why}" for name, why in told["missing"].items())
        return f"{versions}{missing}."
    if name == "ratios":
        return tables.markdown(tables.TABLES[name], results.judged(told["ratios"])) if told["ratios"] else None
    return tables.markdown(tables.TABLES[name], told["cases"][name]) if name in told["cases"] else None


def _machine(told: Mapping[str, Any]) -> str:
    machine, run = told["machine"], told["run"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {round((machine['memory_mb'] or 0) / 1024)} GB, "
        f"{machine['system']}, Python {machine['python']}; {run['how']} run of {run['at'][:10]}, "
        f"load {machine['load_before']:.1f} before it."
    )
