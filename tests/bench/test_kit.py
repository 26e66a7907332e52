"""What the benchmarks are made of: rounds, ratios, tables, plots. Nothing is timed."""

import json
import xml.etree.ElementTree as ElementTree
from functools import partial
from typing import Any

import pytest

from benchmarks import page, results, svg, tables
from benchmarks.kit import above, beside_null, interleaved
from benchmarks.statements import is_statement
from benchmarks.variants import ALL, every_app


def test_rounds_interleave_and_none_is_always_first() -> None:
    order: list[str] = []
    found = interleaved(3, {name: partial(order.append, name) for name in "ABC"})
    assert "".join(order) == "ABCBCACAB"
    assert {name: len(results) for name, results in found.items()} == {"A": 3, "B": 3, "C": 3}


def test_what_is_done_seldom_still_interleaves() -> None:
    order: list[str] = []
    found = interleaved(4, {name: partial(order.append, name) for name in "ABC"}, {"B": 3})
    assert "".join(order) == "ABCCACAABC"
    assert len(found["B"]) == 2


def test_a_cost_beside_null_is_the_median_of_differences_within_rounds() -> None:
    row = beside_null([(10.0, 12.0), (110.0, 113.0), (1010.0, 1014.0)])
    assert row == {"cost_us": 3.0, "quartiles_us": "2.0 to 4.0", "median_us": 113.0, "null_us": 110.0}


def test_a_cost_is_the_median_of_differences_within_rounds() -> None:
    assert above([12, 113, 1014], [10, 110, 1010]) == 3


@pytest.mark.parametrize(
    ("text", "counts"), [("SELECT 1", True), (" begin", False), ("COMMIT", False), ("UPDATE x", True)]
)
def test_transactions_are_no_statements(text: str, counts: bool) -> None:
    assert is_statement(text) is counts


def test_ratios_of_what_was_not_measured_are_left_out() -> None:
    rows: Any = {"null": {"median_us": 100.0}, "lanyard": {"median_us": 108.0, "null_us": 100.0, "cost_us": 7.0}}
    assert results.ratios({}) == {}
    found = results.ratios({"auth_cost_sqlite": rows})
    assert found == {"request_over_null": 1.07}
    assert results.judged(found)["request_over_null"]["verdict"] == "holds"
    assert results.judged({"request_over_null": 1.09})["request_over_null"]["verdict"] == "FAILS"


def test_a_missing_peer_is_named_in_its_row() -> None:
    rows: tables.Rows = {
        "a": {"label": "A", "median_us": 1.5},
        "b": {"label": "B", "missing": "not installable with Django==9"},
    }
    text = tables.text(tables.TABLES["crypto"], rows)
    assert "not installable with Django==9" in text
    assert "| A | 1.50 | - |" in tables.markdown(tables.TABLES["crypto"], rows)


def test_apps_of_peers_that_are_not_installed_are_left_out() -> None:
    assert every_app(frozenset()) == ("rest_framework.authtoken",)
    assert "knox" in every_app(frozenset({"django-rest-knox"}))


def test_every_variant_has_its_own_name() -> None:
    assert len({variant.name for variant in ALL}) == len(ALL)


@pytest.mark.parametrize("rows", [[], [("none", 0)], [("<b>", 12.5, True), ("noise", -1.0), ("much", 123_456)]])
def test_bars_are_well_formed(rows: Any) -> None:
    ElementTree.fromstring(svg.bars("A & B", "µs", rows))


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("points", [[], [(0, 0)], [(1, 5)], [(1, 5), (10, 5)], [(0.1, 0.002), (1e6, 3e4)]])
def test_lines_are_well_formed(points: Any, logarithmic: bool) -> None:
    text = svg.lines("A & B", "x", "y", {"one <1>": points, "two": []}, log_x=logarithmic, log_y=logarithmic)
    ElementTree.fromstring(text)


def test_the_page_shows_the_latest_results() -> None:
    """Whoever commits one commits the other: `make bench` writes both."""
    text = page.PAGE.read_text()
    assert page.filled(text, json.loads(results.LATEST.read_text())) == text
    assert text.count("<!-- bench: ") == text.count("<!-- end -->") == len(tables.TABLES) + 2
