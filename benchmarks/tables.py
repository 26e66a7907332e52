"""The tables: what is in their columns, as text for a terminal and as Markdown for the documentation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Rows = dict[str, Row]


@dataclass(frozen=True, slots=True)
class Table:
    """A title, and for each column its key in a row and its heading."""

    title: str
    columns: Mapping[str, str]


_COST = {
    "cost_us": "cost, µs",
    "quartiles_us": "quartiles, µs",
    "median_us": "whole request, µs",
    "null_us": "null there, µs",
    "queries": "statements",
}

TABLES = {
    "auth_cost_sqlite": Table("Cost of authentication per request, SQLite", _COST),
    "auth_cost_postgres": Table("Cost of authentication per request, PostgreSQL", _COST),
    "refresh": Table(
        "Refresh, PostgreSQL",
        {
            "median_us": "whole request, µs",
            "cost_us": "above null, µs",
            "queries": "statements",
            "transactions": "BEGIN, COMMIT",
            "inserted": "rows inserted",
            "updated": "updated",
            "deleted": "deleted",
        },
    ),
    "refresh_parts": Table(
        "Where a refresh's time goes, PostgreSQL, µs",
        {
            "median_us": "whole request",
            "null_us": "an endpoint that does nothing",
            "python_us": "Python on top",
            "statements_us": "its statements",
            "disk_us": "the disk",
            "disk_quartiles_us": "the disk, quartiles",
            "prepared_us": "whole, prepared statements",
        },
    ),
    "http": Table(
        "HTTP: gunicorn, 2 sync workers, PostgreSQL",
        {"per_second": "requests/s", "p99_ms": "p99, ms", "over_null": "over null, same server"},
    ),
    "crypto": Table("One token: verify and mint", {"median_us": "µs", "quartiles_us": "quartiles, µs"}),
    "revocation": Table(
        "Is it revoked? One check against the live entries",
        {"median_us": "check, µs", "load_s": "first read, s", "bytes_per_entry": "bytes per entry"},
    ),
    "growth": Table(
        "Growth, PostgreSQL: sessions that were refreshed 50 times each",
        {"median_us": "request, µs", "refresh_us": "refresh, µs", "rows": "rows", "megabytes": "MB"},
    ),
    "import": Table(
        "What adding the app costs",
        {
            "setup_ms": "setup(), ms",
            "setup_kb": "setup(), kB",
            "used_ms": "with its authenticator, ms",
            "used_kb": "with its authenticator, kB",
        },
    ),
    "quiet": Table(
        "A process with little to do, PostgreSQL",
        {
            "median_us": "p50, µs",
            "p99_us": "p99, µs",
            "queries": "statements per request",
            "queries_per_second": "statements per second",
            "connections": "connections held",
        },
    ),
    "quiet_edge": Table(
        "The first request after 1.3 s without one",
        {"first_us": "first, µs", "next_us": "the next, µs", "stall_us": "difference, µs", "worst_us": "worst, µs"},
    ),
    "ratios": Table("Ratios", {"value": "measured", "target": "target", "verdict": ""}),
}


def text(table: Table, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """For a terminal."""
    lines = [["", *table.columns.values()], *_lines(table, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    told = [f"\n{table.title}"]
    for line in lines:
        right = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        told.append("  " + "  ".join([line[0].ljust(widths[0]), *right]).rstrip())
    return "\n".join(told)


def markdown(table: Table, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """For the documentation."""
    lines = [["", *table.columns.values()], ["---", *["---:"] * len(table.columns)], *_lines(table, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lines(table: Table, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    for name, row in rows.items():
        cells = [_cell(row.get(key)) for key in table.columns]
        if "missing" in row:
            cells[0] = str(row["missing"])
        yield [str(row.get("label", name)), *cells]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        if 0 < abs(value) < 0.1:
            return f"{value:.4f}"
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
