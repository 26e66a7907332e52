"""SQLite: one writer at a time, in one file, for several processes. Reading goes on; numbering waits for its turn."""

import os
import time
from typing import Any

import pytest
from django.db import connection

from drf_lanyard.models import Revocation
from drf_lanyard.stores.orm_log import LOG, prune, read_log

from .kit import a_log, a_reader, actors, append, eventually, positions, read_again

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite")]


def begin_immediate() -> None:
    connection.cursor().execute("BEGIN IMMEDIATE")


def commit() -> None:
    connection.cursor().execute("COMMIT")


def test_reading_goes_on_beside_a_writer_and_numbering_is_put_off() -> None:
    dead = append()
    with actors(1) as (writer,), a_reader(lease=0.05) as reader:
        writer.do(begin_immediate)
        try:
            for _ in range(3):
                assert dead in read_again(reader).dead
            assert positions() == []
            assert reader._failures == 0
        finally:
            writer.do(commit)
        eventually(lambda: read_again(reader) and positions() == [1])


def test_numbering_does_not_wait_for_a_writer() -> None:
    """It would keep the next read waiting. The connection's own patience (seconds) is for reads."""
    append()
    with actors(1) as (writer,), a_log(timeout=600.0) as log:
        writer.do(begin_immediate)
        began = time.monotonic()
        try:
            with pytest.raises(Exception, match="locked"):
                log.sequence()
        finally:
            writer.do(commit)
        assert time.monotonic() - began < 60
        assert log.sequence() == 1


def test_pruning_removes_what_is_over_and_leaves_the_file_usable() -> None:
    with a_log() as log:
        append()
        log.sequence()
    Revocation.objects.update(forget_at=0.0)
    assert prune("default", batch=10) == 1
    append()
    assert Revocation.objects.count() == 1


def test_both_branches_of_the_poll_use_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disjunction would scan it: 19 ms instead of 40 us with 200,000 entries."""
    asked: list[str] = []

    class Cursor:
        def __init__(self) -> None:
            self.cursor = connection.cursor()

        def __enter__(self) -> "Cursor":
            return self

        def __exit__(self, *exception: object) -> None:
            self.cursor.close()

        def execute(self, statement: str, params: Any) -> None:
            asked.append(statement)
            self.cursor.execute(statement, params)

        def fetchall(self) -> Any:
            return self.cursor.fetchall()

    monkeypatch.setattr("drf_lanyard.stores.orm_log.quiet_cursor", lambda connection: Cursor())
    for _ in range(50):
        append()
    read_log(connection, 0)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[0]}", [10, 50, 50])
        plan = [row[3] for row in cursor.fetchall()]
    assert len([step for step in plan if step.startswith(f"SEARCH {LOG} USING INDEX") and "position" in step]) == 2, (
        plan
    )
    assert not [step for step in plan if step.startswith(f"SCAN {LOG}")], plan


def test_an_idle_reader_keeps_no_file_open() -> None:
    with a_reader(lease=0.05) as reader:
        reader.fresh()
        assert log_files() > 0
        reader.log.rest()
        connection.close()
        assert log_files() == 0


def log_files() -> int:
    name = os.path.realpath(str(connection.settings_dict["NAME"]))
    count = 0
    for entry in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{entry}") == name
        except OSError:
            continue
    return count
