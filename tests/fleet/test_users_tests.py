"""A project's own tests simply work: Django's classes and pytest's marks, on servers, files and in memory."""

import json
import os
import subprocess
import sys
import threading
import unittest
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import SimpleTestCase, TransactionTestCase
from freezegun import freeze_time
from pytest_django import DjangoDbBlocker

from drf_lanyard import revoke_user
from drf_lanyard.core.ids import uuid7
from drf_lanyard.wiring import get_lanyard

from ..databases import TestDatabase
from . import a_projects_tests
from .a_projects_tests import client_of
from .crew import ROOT
from .kit import a_user, reader_threads

EVERYWHERE = pytest.mark.databases("sqlite", "postgres", "mariadb", "sqlite-memory")


@pytest.fixture
def unblocked(database: TestDatabase, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """As under Django's own test runner."""
    with django_db_blocker.unblock():
        yield


def run(case: type[SimpleTestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert result.wasSuccessful(), "\n".join(trace for _, trace in result.failures + result.errors)
    return result


@EVERYWHERE
def test_django_test_case(unblocked: None) -> None:
    assert run(a_projects_tests.RolledBack).testsRun == 8
    assert get_user_model().objects.count() == 0
    assert not reader_threads(), "a private connection was opened"


@EVERYWHERE
@pytest.mark.parametrize("case", [a_projects_tests.Committed, a_projects_tests.Reset])
def test_django_transaction_test_case(case: type[TransactionTestCase], unblocked: None, settings: Any) -> None:
    settings.LANYARD = {"LEASE": 0.1}
    assert run(case).testsRun > 0


@EVERYWHERE
def test_classes_that_commit_and_classes_that_roll_back_in_turn(unblocked: None, settings: Any) -> None:
    settings.LANYARD = {"LEASE": 0.1}
    for case in (a_projects_tests.RolledBack, a_projects_tests.Committed, a_projects_tests.RolledBack):
        run(case)


@pytest.mark.xfail(strict=True, reason="nothing tells the reader that its memory is of another world")
def test_a_flush_that_sends_no_signal(unblocked: None, settings: Any) -> None:
    settings.LANYARD = {"LEASE": 0.1}
    connection._test_serialized_contents = "[]"  # type: ignore[attr-defined]
    try:
        run(a_projects_tests.Serialized)
    finally:
        del connection._test_serialized_contents  # type: ignore[attr-defined]
        from django.core.management import call_command

        call_command("flush", verbosity=0, interactive=False)


def test_django_simple_test_case_is_told_clearly(unblocked: None) -> None:
    run(a_projects_tests.WithoutDatabase)
    assert not reader_threads()


def test_a_pytest_test_without_the_mark_is_told_clearly() -> None:
    lanyard = get_lanyard()
    token = lanyard.access.mint(subject="1", session_id=uuid7(0.0), epoch=0, now=lanyard.clock.time(), claims={})
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        lanyard.authenticate(token)
    assert not reader_threads()


@pytest.mark.databases("postgres")
def test_the_test_database_can_be_dropped_afterwards(database: TestDatabase) -> None:
    """By Django's own runner, which ends no connection of others: PostgreSQL refuses as long as there is one."""
    settings = {**database.settings, "NAME": "nowhere", "TEST": {"NAME": "test_of_a_project"}}
    done = subprocess.run(
        [sys.executable, "-m", "django", "test", "--settings=tests.settings", "tests.fleet.a_projects_tests.Committed"],
        cwd=ROOT,
        env={**os.environ, "LANYARD_TEST_DATABASE": json.dumps(settings)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Ran 3 tests" in done.stderr


@EVERYWHERE
@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_pytest_mark(turn: int, django_assert_num_queries: Any) -> None:
    """Twice: the second finds the same ids again, and nothing of the first."""
    user = get_user_model().objects.create_user("alice", pk=1)
    client = client_of(user)
    with django_assert_num_queries(0):
        assert client.get("/protected/").status_code == 200
    with transaction.atomic():
        revoke_user(user)
        assert client.get("/protected/").json()["code"] == "token_stale"
        transaction.set_rollback(True)
    assert client.get("/protected/").status_code == 200
    revoke_user(user)
    assert client.get("/protected/").json()["code"] == "token_stale"
    assert client_of(user).get("/protected/").status_code == 200
    assert not reader_threads()


@EVERYWHERE
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_pytest_mark_with_transactions(turn: int, settings: Any) -> None:
    settings.LANYARD = {"LEASE": 0.1}
    user = get_user_model().objects.create_user("alice", pk=1)
    client = client_of(user)
    assert client.get("/protected/").status_code == 200
    revoke_user(user)
    assert client.get("/protected/").status_code == 401  # at once: this process revoked it
    assert client_of(user).get("/protected/").status_code == 200


@EVERYWHERE
@pytest.mark.django_db
@freeze_time("2031-05-06 07:08:09")
def test_frozen_time() -> None:
    user = a_user()
    client = client_of(user)
    assert client.get("/protected/").status_code == 200
    revoke_user(user)
    assert client.get("/protected/").status_code == 401


@EVERYWHERE
@pytest.mark.django_db
def test_rolled_back_tests_leave_nothing_to_be_numbered() -> None:
    """A second connection that numbers them would commit into later tests."""
    from drf_lanyard.models import Revocation

    revoke_user(a_user())
    client_of(a_user("bob")).get("/protected/")
    assert list(Revocation.objects.values_list("position", flat=True)) == [None]


@pytest.mark.databases("sqlite-memory")
@pytest.mark.django_db(transaction=True)
def test_in_memory_another_thread_is_another_database() -> None:
    """So no thread is started for the log; a live server shares the connection of the test instead."""
    user = a_user()
    client = client_of(user)
    connection.inc_thread_sharing()
    seen: list[int] = []
    try:
        from django.db import connections

        def request() -> None:
            connections["default"] = shared
            seen.append(client.get("/protected/").status_code)

        shared = connections["default"]
        thread = threading.Thread(target=request)
        thread.start()
        thread.join()
    finally:
        connection.dec_thread_sharing()
    assert seen == [200]
    assert not reader_threads()
