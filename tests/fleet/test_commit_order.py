"""Ids are not in commit order. What commits late must still be applied, by every reader, and nothing else."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from drf_lanyard.core.revocation import Snapshot
from drf_lanyard.models import Revocation
from drf_lanyard.stores.orm_log import OrmLog

from ..databases import TestDatabase
from .kit import a_log, actors, append, follow, orm_log, positions

pytestmark = pytest.mark.django_db(transaction=True)
REAL_SERVERS = pytest.mark.databases("postgres", "mariadb")  # SQLite has one writer at a time
WRITERS, ENTRIES = 8, 24


class ById:
    """The rule that everybody writes first: everything with an id above the last one seen. It is wrong."""

    def __init__(self) -> None:
        self.last = 0
        self.dead: set[int] = set()

    def follow(self) -> None:
        for key, credential in Revocation.objects.filter(id__gt=self.last).values_list("id", "credential"):
            self.last = max(self.last, key)
            self.dead.add(int(credential, 16))


@REAL_SERVERS
def test_an_entry_that_commits_after_a_later_one_was_read_is_applied() -> None:
    snapshot, naive = Snapshot(), ById()
    with actors(2) as (one, two), a_log() as log:
        one.begin()
        late = one.do(append)
        two.begin()
        early = two.do(append)
        two.commit()
        log.sequence()
        follow(log, snapshot)
        naive.follow()
        assert snapshot.dead == naive.dead == {early}
        assert snapshot.position == 1
        one.commit()
        follow(log, snapshot)
        naive.follow()
        assert snapshot.dead == {early, late}  # before it has a position
        assert naive.dead == {early}, "ids were in commit order, so this test shows nothing"
        log.sequence()
        newcomer = Snapshot()
        follow(log, newcomer)
        assert newcomer.dead == {early, late}
        assert positions() == [1, 2]


@REAL_SERVERS
def test_a_reader_that_was_away_while_it_was_sequenced_finds_it_too() -> None:
    """It never saw the entry without a position; the position alone must bring it."""
    snapshot = Snapshot()
    with actors(2) as (one, two), a_log() as log, a_log() as other:
        one.begin()
        late = one.do(append)
        early = two.do(append)
        log.sequence()
        follow(log, snapshot)
        one.commit()
        other.sequence()
        follow(log, snapshot)
        assert snapshot.dead == {early, late}


def test_nothing_is_lost_or_invented_among_many_writers_and_readers(database: TestDatabase) -> None:
    """Writers roll back at random, readers sequence at random; each ends with exactly what has been committed."""
    committed, rolled_back, guard = set[int](), set[int](), threading.Lock()
    done = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(ENTRIES):
                keep = chance.random() > 0.3
                written: list[int] = []
                try:
                    with _write_transaction():
                        written += [append() for _ in range(chance.randint(1, 3))]
                        if not keep:
                            raise _OnPurpose
                except _OnPurpose:
                    pass
                with guard:
                    (committed if keep else rolled_back).update(written)
        finally:
            connection.close()

    def read(seed: int) -> tuple[Snapshot, int]:
        chance, snapshot, log, sequenced = random.Random(seed), Snapshot(), orm_log(), 0
        try:
            while not done.is_set():
                follow(log, snapshot)
                if chance.random() < 0.5:
                    sequenced += _sequence(log)
            follow(log, snapshot)
        finally:
            log.rest()
        return snapshot, sequenced

    with ThreadPoolExecutor(WRITERS + 3) as pool:
        readers = [pool.submit(read, seed) for seed in range(3)]
        writers = [pool.submit(write, 100 + seed) for seed in range(WRITERS)]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            done.set()
        results = [reader.result(60) for reader in readers]
    with a_log() as log:
        rest = _sequence(log)
        newcomer = Snapshot()
        follow(log, newcomer)

    assert committed and rolled_back
    assert [snapshot.dead == committed for snapshot, _ in results] == [True, True, True]
    assert newcomer.dead == committed
    # Two sequencers at once gave no position twice and left no gap.
    assert positions() == list(range(1, len(committed) + 1))
    assert sum(sequenced for _, sequenced in results) + rest == len(committed)


class _OnPurpose(Exception):
    pass


def _write_transaction() -> Any:
    from drf_lanyard.stores.dialect import write_transaction

    return write_transaction("default")


def _sequence(log: OrmLog) -> int:
    """As a reader does: on SQLite another writer may be at it."""
    from django.db import OperationalError

    try:
        return log.sequence()
    except OperationalError:
        assert connection.vendor == "sqlite"
        return 0


def test_an_entry_rolled_back_is_never_applied() -> None:
    snapshot = Snapshot()
    with a_log() as log:
        with transaction.atomic():
            append()
            if connection.vendor != "sqlite":  # there another connection could not write at all
                assert log.sequence() == 0
            follow(log, snapshot)
            transaction.set_rollback(True)
        log.sequence()
        follow(log, snapshot)
    assert (snapshot.dead, positions()) == (set(), [])
