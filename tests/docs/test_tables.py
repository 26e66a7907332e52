"""The reference tables say what the code says: no more, no less, and with the same values."""

import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.dispatch import Signal
from django.test import override_settings
from django.urls import get_resolver
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from drf_lanyard import signals, urls
from drf_lanyard.checks import CATALOGUE
from drf_lanyard.conf import DEFAULTS, Throttle, get_settings, problems
from drf_lanyard.conf.throttle import rate
from drf_lanyard.core import errors
from drf_lanyard.exceptions import to_api_exception
from tests.docs.walk import ROOT
from tests.transports.rows import ROWS


def rows(page: str, first: str) -> list[list[str]]:
    """The cells of every row in the tables of `page` whose first column is called `first`."""
    found, wanted = list[list[str]](), False
    for line in (ROOT / page).read_text().splitlines():
        if not line.startswith("|"):
            wanted = False
        elif line.startswith(f"| {first} |"):
            wanted = True
        elif wanted and not line.startswith("|--"):
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def unquoted(cell: str) -> str:
    """What is in the back-ticks."""
    return cell.strip().strip("`")


def value(cell: str) -> Any:
    """A default, as a project would write it."""
    found = eval(unquoted(cell), {"timedelta": timedelta})  # our own pages
    return found.total_seconds() if isinstance(found, timedelta) else found


def test_every_setting_is_listed_with_its_default() -> None:
    table = rows("docs/settings.md", "key")
    plain = {name: dict(one) if isinstance(one, Mapping) else one for name, one in DEFAULTS.items()}
    assert {unquoted(row[0]): value(row[2]) for row in table} == plain
    assert len(table) == len(DEFAULTS)


def test_every_rate_is_listed_with_its_default() -> None:
    table = {unquoted(row[0]): rate(unquoted(row[1])) for row in rows("docs/settings.md", "rate")}
    assert Throttle(**table) == Throttle()
    assert set(table) == set(Throttle.__slots__)


@pytest.mark.parametrize(("page", "least"), [("settings", 4), ("howto-mobile", 1), ("howto-spa-other-origin", 1)])
def test_every_dictionary_of_settings_is_accepted(page: str, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = ModuleType("shop.tokens")
    tokens.claims = lambda user, session: {}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.tokens", tokens)
    tried = 0

    def evaluate(example: Example) -> None:
        nonlocal tried
        if "LANYARD = " not in example.parsed:
            return
        example.namespace |= {"INSTALLED_APPS": [], "MIDDLEWARE": []}
        PythonEvaluator()(example)
        with override_settings(LANYARD=example.namespace["LANYARD"]):
            assert problems() == []
            assert get_settings()
        tried += 1

    for example in Sybil([CodeBlockParser("python", evaluate)]).parse(ROOT / f"docs/{page}.md").examples():
        example.evaluate()
    assert tried >= least


def auth_errors() -> dict[str, type[errors.AuthError]]:
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.AuthError)]
    return {one.code: one for one in found if one is not errors.AuthError}


def status(kind: type[errors.AuthError]) -> int:
    error = errors.Throttled(1) if kind is errors.Throttled else kind()
    return to_api_exception(error).status_code


def test_every_code_is_listed_with_its_status() -> None:
    table = {unquoted(row[0]): int(row[1]) for row in rows("docs/errors.md", "code")}
    assert table == {code: status(kind) for code, kind in auth_errors().items()}


def test_every_endpoint_is_listed() -> None:
    listed = {re.sub(r"\{\w+\}", "{}", unquoted(row[0]).split(" ")[1]) for row in rows("docs/errors.md", "call")}
    routed = {re.sub(r"<[\w:]+>", "{}", str(pattern.pattern)) for pattern in urls.urlpatterns}
    assert listed == routed
    assert get_resolver("drf_lanyard.urls").reverse_dict


def test_every_check_is_listed() -> None:
    table = {unquoted(row[0]): row[1] for row in rows("docs/checks.md", "id")}
    assert table == dict(CATALOGUE)


def test_every_command_is_listed() -> None:
    ours = {name for name, app in get_commands().items() if app == apps.get_app_config("lanyard").name}
    text = (ROOT / "docs/operations.md").read_text()
    assert ours == set(re.findall(r"manage\.py (lanyard_\w+)", text))


def test_every_signal_is_listed() -> None:
    listed = {unquoted(row[0]) for row in rows("docs/operations.md", "signal")}
    assert listed == {name for name, one in vars(signals).items() if isinstance(one, Signal)}


def test_the_methods_cost_and_end_as_the_matrix_of_the_transports_proves() -> None:
    """That matrix asserts what is in ROWS; this one asserts that the page says so."""
    table = {row[0]: (int(row[1]), row[4] == "**lives on**") for row in rows("docs/methods.md", "method and transport")}
    assert table == {name: (statements, outlives) for name, (_, statements, outlives) in ROWS.items()}
