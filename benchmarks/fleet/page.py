"""From figures to the tables of docs/scaling.md, so that the page says what was measured."""

from collections.abc import Iterable
from typing import Any

from .. import propagation


def filled(page: str, parts: dict[str, str]) -> str:
    """The page with what is between each `<!-- measured: name -->` and `<!-- end -->` replaced by that part."""
    for name, text in parts.items():
        begin, end = f"<!-- measured: {name} -->", "<!-- end -->"
        assert page.count(begin) == 1, f"the page has no place for {name}"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


def tables(found: dict[str, Any], propagated: dict[str, Any]) -> dict[str, str]:
    return {
        "machine": about(found["machine"]),
        "propagation machine": about(propagated["machine"]),
        "propagation": propagation.table([propagation.Cell(**cell) for cell in propagated["cells"]]),
        "reads": reads(found["reads"]),
        "statements": table(
            ["what", "statements", "with push through PostgreSQL"],
            ([name, str(alone), str(pushing)] for name, (alone, pushing) in found["statements"].items()),
        ),
        "log": table(
            ["entries in the log", "one read at its end"],
            ([f"{row['entries']:,}", f"{row['read_ms']:.2f} ms"] for row in found["log"]["reads"]),
        ),
        "sizes": sizes(found["log"]),
        "fan-out": fan_out(found),
        "commits": table(
            ["what eight connections commit", "transactions/s"],
            [
                ["an entry of the log", f"{found['commits_per_s']['insert']:,.0f}"],
                ["the same with a NOTIFY", f"{found['commits_per_s']['insert_and_notify']:,.0f}"],
            ],
        ),
    }


def reads(rows: Iterable[dict[str, Any]]) -> str:
    head = ["requests/s", "reads/s", "by the formula", "requests that wait", "by the formula", "wait p50", "wait max"]
    return table(
        head,
        (
            [
                f"{row['rate']:g}",
                f"{row['reads_per_s']:.2f}",
                f"{row['expected_reads_per_s']:.2f}",
                f"{row['waiting_share']:.1%}",
                f"{row['expected_waiting_share']:.1%}",
                milliseconds(row["wait_p50_ms"]),
                milliseconds(row["wait_max_ms"]),
            ]
            for row in rows
        ),
    )


def sizes(log: dict[str, Any]) -> str:
    rows = [
        ["an entry (a dead session) in the database, with its indexes", f"{log['bytes_in_database']:.0f} bytes"],
        ["an entry in the memory of each process", f"{log['bytes_in_memory']:.0f} bytes"],
        [f"loading {log['reads'][-1]['entries']:,} entries into a new process", f"{log['load_s']:.2f} s"],
        ["one read: CPU of the database server", microseconds(log["cpu_us"])],
        ["a read that has to connect first", f"{log['connect_and_read_ms']:.1f} ms"],
    ]
    rows += [[f"numbering entries: {n['entries']:,}", f"{n['ms']:.1f} ms"] for n in log["numbering"]]
    return table(["what", "figure"], rows)


def fan_out(found: dict[str, Any]) -> str:
    rows = [
        [
            f"{row['subscribers']:,} subscribers of Redis",
            microseconds(row["cpu_us"]),
            microseconds(row["publish_p50_us"]),
        ]
        for row in found["redis"]
    ]
    rows += [
        [
            f"{row['listeners']:,} listeners of PostgreSQL",
            microseconds(row["cpu_us"]),
            microseconds(row["notify_p50_us"]),
        ]
        for row in found["notify"]
    ]
    return table(["who listens", "CPU of the server per message", "the call, p50"], rows)


def about(machine: dict[str, Any]) -> str:
    load = ", ".join(f"{one:.1f}" for one in machine["load_before"])
    return (
        f"Measured on {machine['cores']} cores with Python {machine['python']} and PostgreSQL {machine['postgresql']}; "
        f"the load average before was {load}."
    )


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def microseconds(value: float) -> str:
    return f"{value:,.0f} µs"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    every = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *every])
