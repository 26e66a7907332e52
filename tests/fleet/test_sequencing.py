"""Giving positions: it waits for nobody, holds nobody up, and may be cut off anywhere."""

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from drf_lanyard.core.revocation import Snapshot
from drf_lanyard.models import Revocation, RevocationHead
from drf_lanyard.stores import orm_log
from drf_lanyard.stores.orm_log import OrmLog, sequence_log

from .kit import DEADLINE, RETENTION, Actor, a_log, actors, append, eventually, follow, positions

pytestmark = pytest.mark.django_db(transaction=True)
REAL_SERVERS = pytest.mark.databases("postgres", "mariadb")


def in_this_transaction() -> int:
    return sequence_log(connection, RETENTION)


def kill(victim: Actor) -> None:
    """End the actor's connection from outside, as a crash of its process does."""

    def identity() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ("pg_backend_pid()" if connection.vendor == "postgresql" else "connection_id()"))
            return int(cursor.fetchone()[0])

    end = "SELECT pg_terminate_backend(%s)" if connection.vendor == "postgresql" else "KILL %s"
    number = victim.do(identity)
    with connection.cursor() as cursor:
        cursor.execute(end, [number])


@REAL_SERVERS
@pytest.mark.parametrize("committed", [1, 40])
def test_it_never_waits_for_an_open_causing_transaction(committed: int) -> None:
    """However the database plans the statements: MariaDB waits for every row that it looks at."""
    with actors(2) as (cause, sequencer), a_log() as log:
        cause.begin()
        cause.do(append)
        for _ in range(committed):
            append()
        assert sequencer.do(log.sequence) == committed
        cause.commit()
        assert sequencer.do(log.sequence) == 1
    assert positions() == list(range(1, committed + 2))


@REAL_SERVERS
def test_it_never_blocks_a_causing_transaction_nor_a_reader() -> None:
    snapshot = Snapshot()
    with actors(2) as (sequencer, cause), a_log() as log:
        make_head(log)
        follow(log, snapshot)
        first = append()
        sequencer.begin()
        assert sequencer.do(in_this_transaction) == 1  # and holds its locks
        cause.begin()
        second = cause.do(append)
        cause.commit()
        follow(log, snapshot)
        assert {first, second} <= snapshot.dead
        sequencer.commit()


@REAL_SERVERS
def test_it_is_skipped_while_another_process_is_at_it() -> None:
    with actors(2) as (one, two), a_log() as log:
        make_head(log)
        append()
        one.begin()
        assert one.do(in_this_transaction) == 1
        assert two.do(log.sequence) == 0  # at once
        one.commit()
        append()
        assert two.do(log.sequence) == 1
    assert positions() == [1, 2, 3]


def make_head(log: OrmLog) -> None:
    """The head row exists in every installation but a flushed one."""
    append()
    assert log.sequence() == 1


@REAL_SERVERS
@pytest.mark.parametrize("crash", ["rolled back", "killed"])
def test_a_sequencer_that_crashes_between_statements_leaves_no_trace(crash: str) -> None:
    snapshot = Snapshot()
    victim = Actor()
    with a_log() as log:
        dead = {append() for _ in range(3)}
        victim.begin()
        assert victim.do(in_this_transaction) == 3
        if crash == "killed":
            kill(victim)
        else:
            victim.roll_back()
        follow(log, snapshot)
        assert snapshot.dead == dead
        assert eventually(log.sequence) == 3  # the server may not have noticed yet
        follow(log, snapshot)
        assert (snapshot.dead, snapshot.position, positions()) == (dead, 3, [1, 2, 3])
        if crash == "killed":
            with pytest.raises(Exception, match=r"(?i)connection|gone|server|terminat"):
                victim.commit()
    victim.close()


@pytest.mark.parametrize("highest", [0, 3])
def test_a_missing_head_is_made_again_and_positions_go_on(highest: int) -> None:
    """A flush deletes it."""
    with a_log() as log:
        for _ in range(highest):
            append()
        log.sequence()
        RevocationHead.objects.all().delete()
        append()
        assert log.read(0).floor == 0
        assert log.sequence() == 1
    assert positions() == list(range(1, highest + 2))
    assert RevocationHead.objects.get().position == highest + 1


@REAL_SERVERS
def test_two_processes_that_miss_the_head_at_once_make_one() -> None:
    """The second waits for the first one's insert, finds the row, and takes what is left."""
    with actors(2) as (one, two), a_log() as log:
        append()
        one.begin()
        assert one.do(in_this_transaction) == 1
        second = two.start(log.sequence)
        one.commit()
        assert second.result(DEADLINE) == 0
        append()
        assert two.do(log.sequence) == 1
    assert positions() == [1, 2]
    assert RevocationHead.objects.count() == 1


def test_it_works_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orm_log, "PAGE", 2)
    with a_log() as log:
        for _ in range(5):
            append()
        assert [log.sequence() for _ in range(4)] == [2, 2, 1, 0]
    assert positions() == [1, 2, 3, 4, 5]


def test_the_time_to_forget_is_by_the_clock_of_the_database() -> None:
    from drf_lanyard.stores.dialect import NOW

    with a_log(retention=1000.0) as log, connection.cursor() as cursor:
        append()
        cursor.execute(f"SELECT {NOW[connection.vendor]}")
        before = float(cursor.fetchone()[0])
        log.sequence()
        cursor.execute(f"SELECT {NOW[connection.vendor]}")
        after = float(cursor.fetchone()[0])
    forget_at = Revocation.objects.get().forget_at
    assert forget_at is not None
    assert before + 999.99 <= forget_at <= after + 1000.01


@pytest.mark.databases("postgres")
def test_it_is_read_committed_whatever_the_projects_default_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serializable by default, its transactions would fail, and make requests' transactions fail."""
    connection.settings_dict["OPTIONS"]["options"] = "-c default_transaction_isolation=serializable"
    seen: list[str] = []
    try:
        with a_log() as log:
            append()
            original = orm_log._lock_head

            def spy(wrapper: BaseDatabaseWrapper, cursor: CursorWrapper, *, skip_locked: bool) -> int | None:
                cursor.execute("SHOW transaction_isolation")
                seen.append(cursor.fetchone()[0])
                return original(wrapper, cursor, skip_locked=skip_locked)

            monkeypatch.setattr(orm_log, "_lock_head", spy)
            assert log.sequence() == 1
    finally:
        del connection.settings_dict["OPTIONS"]["options"]
    assert seen == ["read committed"]
