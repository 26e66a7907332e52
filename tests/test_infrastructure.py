"""The test infrastructure itself: that "on PostgreSQL" means PostgreSQL, and that processes and threads share it."""

import subprocess
import sys
import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from .databases import TestDatabase
from .testapp.models import Note

COUNT = """
import django; django.setup()
from django.db import connection
from tests.testapp.models import Note
print(connection.vendor, Note.objects.count())
"""
VENDORS = {"sqlite": "sqlite", "sqlite-memory": "sqlite", "postgres": "postgresql", "mariadb": "mysql"}


def write_note() -> None:
    author = get_user_model().objects.create_user("alice")
    Note.objects.create(author=author, text="hello")


@pytest.mark.django_db
@pytest.mark.databases("sqlite", "postgres", "mariadb", "sqlite-memory")
def test_the_default_database_is_the_one_named(database: TestDatabase) -> None:
    write_note()
    assert connection.vendor == VENDORS[database.name]
    assert getattr(connection, "mysql_is_mariadb", False) == (database.name == "mariadb")
    assert connection.settings_dict["NAME"] == database.settings["NAME"]
    assert Note.objects.count() == 1


@pytest.mark.django_db
def test_the_test_before_left_nothing() -> None:
    assert Note.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_other_threads_and_processes_see_what_is_committed(database: TestDatabase) -> None:
    write_note()
    seen: list[int] = []

    def count() -> None:
        seen.append(Note.objects.count())
        connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    answer = subprocess.run(
        [sys.executable, "-c", COUNT], env=database.environment(), capture_output=True, text=True, check=True
    )
    assert seen == [1]
    assert answer.stdout.split() == [connection.vendor, "1"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.databases("postgres", "mariadb")
def test_a_connection_left_open_does_not_keep_the_database() -> None:
    """Left open on purpose: dropping this database at the end of the turn must end it."""
    opened, finish = threading.Event(), threading.Event()

    def hold() -> None:
        Note.objects.count()
        opened.set()
        finish.wait()

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert opened.wait(30)
    assert thread.is_alive()


def test_a_test_without_a_mark_has_no_database() -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Note.objects.count()
