"""The page on scaling says what was measured, and its formula has the limits that its text names."""

import json

import pytest

from benchmarks import propagation, scaling
from benchmarks.fleet.ground import RESULTS
from benchmarks.fleet.page import filled, tables
from benchmarks.fleet.reading import expected_reads, expected_waiting

FOUND = json.loads((RESULTS / "scaling.json").read_text())
PROPAGATED = json.loads((RESULTS / "propagation.json").read_text())


def test_the_tables_are_those_of_the_results() -> None:
    page = scaling.PAGE.read_text()
    assert filled(page, tables(FOUND, PROPAGATED)) == page, "python -m benchmarks.scaling --page"


def test_the_plots_are_those_of_the_results() -> None:
    cells = [propagation.Cell(**cell) for cell in PROPAGATED["cells"]]
    assert propagation.PLOT.read_text() == propagation.plot(cells)
    assert scaling.PLOT.read_text() == scaling.plot(FOUND["reads"])


def test_no_measured_revocation_took_longer_than_the_lease() -> None:
    assert len(PROPAGATED["cells"]) == 12
    assert max(cell["max_ms"] for cell in PROPAGATED["cells"]) <= 1000 * propagation.LEASE


@pytest.mark.parametrize("lease", [0.5, 1.0, 5.0])
def test_the_formula(lease: float) -> None:
    assert expected_reads(0.001, lease) == pytest.approx(0.001, rel=0.01)  # each request reads
    assert expected_waiting(0.001, lease) == pytest.approx(1, rel=0.01)  # and waits for it
    assert expected_reads(1000, lease) == pytest.approx(2 / lease)
    assert expected_waiting(1000, lease) == pytest.approx(0)
