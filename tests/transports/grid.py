"""The table of methods and transports, from what the tests of test_matrix.py have recorded, in whichever process."""

from collections.abc import Iterable

HEADINGS = ("works", "expires", "revoked", "elsewhere", "new password", "inactive", "foreign page", "statements")


def lines(records: Iterable[list[str]]) -> list[str]:
    """From (row, database, cells…): one line per row, with the databases on which its cells are these."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for row, database, *cells in records:
        seen.setdefault((row, *cells), []).append(database)
    grid = [["method (transport)", *HEADINGS, "on"]]
    grid += [[*row, " ".join(sorted(databases, reverse=True))] for row, databases in seen.items()]
    widths = [max(len(cells[column]) for cells in grid) for column in range(len(grid[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in grid]
