"""A process that has authenticated and then forks, as under `gunicorn --preload`. Nothing is shared by accident."""

import json
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from ..databases import TestDatabase
from .crew import ROOT
from .forking import CHILDREN
from .kit import a_user

SCENARIOS = ("open_connection", "reading", "reader_lock")


def story(database: TestDatabase, *scenarios: str) -> dict[str, Any]:
    a_user()
    done = subprocess.run(
        [sys.executable, "-m", "tests.fleet.forking", *scenarios],
        cwd=ROOT,
        env=database.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def assert_nothing_shared(told: dict[str, Any], *, with_server: bool) -> None:
    before, children, after = told["before"], told["children"], told["after"]
    assert before["answer"] == before["again"] == "ok"
    assert None not in children, "a child has deadlocked"
    assert [(one["answer"], one["again"]) for one in children] == [("ok", "ok")] * CHILDREN
    assert [one["threads"] for one in children] == [2] * CHILDREN  # its main one and its own reader
    assert (after["answer"], after["again"], after["failures"]) == ("ok", "ok", 0)
    if with_server:
        backends = {one["backend"] for one in children}
        assert None not in backends and len(backends) == CHILDREN
        assert before["backend"] not in backends


@pytest.fixture(scope="module")
def told(database: TestDatabase, django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """The story, of which nothing stays in the database: whichever test is next finds it empty."""
    with django_db_blocker.unblock():
        try:
            return story(database, *SCENARIOS)
        finally:
            call_command("flush", verbosity=0, interactive=False)


@pytest.mark.django_db
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_child_reads_by_itself(scenario: str, told: dict[str, Any], database: TestDatabase) -> None:
    assert_nothing_shared(told[scenario], with_server=database.name != "sqlite")


@pytest.mark.django_db
@pytest.mark.databases("postgres", "mariadb")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_child_ends_the_connection_of_its_parent(
    scenario: str, told: dict[str, Any], database: TestDatabase
) -> None:
    """Neither by using it nor by ending: the interpreter's clearing up collects what was inherited."""
    assert told[scenario]["after"]["backend"] == told[scenario]["before"]["backend"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.databases("postgres")
def test_a_fork_while_the_service_is_being_built_does_not_deadlock(database: TestDatabase) -> None:
    assert_nothing_shared(story(database, "wiring_lock")["wiring_lock"], with_server=True)
