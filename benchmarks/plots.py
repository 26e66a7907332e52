"""The plots of the documentation, from the rows of a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import svg
from .tables import Rows


def write(cases: dict[str, Rows], folder: Path) -> None:
    """One file per plot whose case was run."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in drawn(cases):
        (folder / f"{name}.svg").write_text(text)


def drawn(cases: dict[str, Rows]) -> Iterator[tuple[str, str]]:
    for vendor, called in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        if rows := cases.get(f"auth_cost_{vendor}"):
            title = f"Authentication per request, above an authenticator that does nothing, {called}"
            yield f"auth-{vendor}", svg.bars(title, "µs", _bars(rows, "cost_us"))
    if rows := cases.get("refresh"):
        yield "refresh", svg.bars("One refresh, PostgreSQL, whole request", "µs", _bars(rows, "median_us"))
    if rows := cases.get("http"):
        title = "Requests per second: gunicorn, 2 sync workers, PostgreSQL"
        yield "http", svg.bars(title, "/s", _bars(rows, "per_second", without=""))
    if rows := cases.get("revocation"):
        title = "One check whether a credential is revoked"
        yield (
            "revocation",
            svg.lines(title, "live entries (the first point: none)", "µs", _by_size(rows), log_x=True, log_y=True),
        )
    if rows := cases.get("growth"):
        sizes = {"drf-lanyard": _points(rows, "lanyard ", "megabytes")}
        sizes["simplejwt, rotate + blacklist (extrapolated after the first)"] = _points(
            rows, "simplejwt_blacklist ", "megabytes"
        )
        title = "Size of the tables, each session refreshed 50 times"
        yield "growth", svg.lines(title, "sessions", "MB", sizes, log_x=True, log_y=True)
    if rows := cases.get("quiet"):
        told = {
            called: _points(rows, f"{name} ", "queries")
            for name, called in (("lanyard", "drf-lanyard"), ("simplejwt", "simplejwt"))
        }
        title = "Statements per request of one process, its reader's included"
        yield "quiet", svg.lines(title, "requests per second", "statements per request", told, log_x=True, log_y=True)


def _bars(rows: Rows, key: str, without: str = "null") -> list[tuple[str, float, bool]]:
    return [
        (str(row["label"]), float(row[key]), name.startswith("lanyard"))
        for name, row in rows.items()
        if key in row and name != without and not name.startswith("step")
    ]


def _points(rows: Rows, prefix: str, key: str) -> list[tuple[float, float]]:
    """(the number behind the prefix, the value), in order."""
    found: list[tuple[float, Any]] = [
        (float(name.removeprefix(prefix)), row[key])
        for name, row in rows.items()
        if name.startswith(prefix) and key in row
    ]
    return sorted(found)


def _by_size(rows: Rows) -> dict[str, list[tuple[float, float]]]:
    """No entries cannot be drawn on a logarithmic axis: drawn as one."""
    ours = {f"ours {name}": row for name, row in rows.items() if name.isdigit()}
    series = {
        "drf-lanyard": _points(ours, "ours ", "median_us"),
        "simplejwt's blacklist (PostgreSQL)": _points(rows, "simplejwt blacklist ", "median_us"),
        "Redis GET": _points(rows, "redis ", "median_us"),
    }
    return {name: [(max(x, 1.0), y) for x, y in points] for name, points in series.items() if points}
