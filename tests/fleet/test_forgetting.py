"""What may be forgotten, when, and that nothing else is."""

import pytest
from django.db import connection
from django.db.models import F

from drf_lanyard.core import revocation
from drf_lanyard.core.revocation import Snapshot
from drf_lanyard.models import Revocation
from drf_lanyard.stores.orm_log import OrmLog, prune

from .kit import a_log, actors, append, follow, positions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def forget_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory forgets whole buckets; here they hold one entry each."""
    monkeypatch.setattr(revocation, "BUCKET", 1)


def sequenced(log: OrmLog, count: int) -> list[int]:
    dead = []
    for _ in range(count):  # one by one, so that positions are in this order
        dead.append(append())
        log.sequence()
    return dead


def let_time_pass(*, below: int) -> None:
    """For entries with a lower position than this, retention is over."""
    Revocation.objects.filter(position__lt=below).update(forget_at=F("forget_at") - 1e6)


def test_memory_forgets_what_the_database_has_forgotten_and_no_more() -> None:
    snapshot = Snapshot()
    with a_log() as log:
        dead = sequenced(log, 4)
        waiting = append()
        follow(log, snapshot)
        let_time_pass(below=3)
        follow(log, snapshot)
        assert snapshot.dead == {*dead, waiting}  # the time alone changes nothing
        assert prune("default", batch=10) == 2
        assert snapshot.dead == {*dead, waiting}
        follow(log, snapshot)
        assert snapshot.dead == {*dead[2:], waiting}
        assert log.read(0).floor == 2
        log.sequence()
        follow(log, snapshot)
        assert snapshot.dead == {*dead[2:], waiting}
        assert positions() == [3, 4, 5]


def test_an_epoch_is_forgotten_only_with_its_latest_entry() -> None:
    snapshot = Snapshot()
    with a_log() as log:
        for epoch in (1, 2):
            append(subject="7", epoch=epoch)
            log.sequence()
        follow(log, snapshot)
        let_time_pass(below=2)
        assert prune("default", batch=10) == 1
        follow(log, snapshot)
        assert snapshot.epochs == {"7": 2}
        let_time_pass(below=3)
        assert prune("default", batch=10) == 1
        follow(log, snapshot)
        assert snapshot.epochs == {}


def test_what_has_no_position_is_never_forgotten() -> None:
    """However long nobody sequenced it."""
    append()
    Revocation.objects.update(forget_at=0.0)
    assert prune("default", batch=10) == 0
    assert Revocation.objects.count() == 1


def test_pruning_goes_in_batches_oldest_first() -> None:
    with a_log() as log:
        sequenced(log, 5)
        let_time_pass(below=6)
        assert [prune("default", batch=2), positions(), log.read(0).floor] == [2, [3, 4, 5], 2]
        assert [prune("default", batch=2) for _ in range(3)] == [2, 1, 0]
        assert log.read(0).floor == 5


def test_an_entry_whose_time_is_over_waits_for_the_ones_before_it() -> None:
    """Otherwise the floor would rise over an entry that is still needed."""
    with a_log() as log:
        sequenced(log, 3)
        Revocation.objects.filter(position__gt=1).update(forget_at=0.0)
        assert prune("default", batch=10) == 0
    assert positions() == [1, 2, 3]


def test_a_reader_that_was_stopped_beyond_retention_goes_on() -> None:
    """Its newest entry is gone, which is no loss: it is below the floor."""
    snapshot = Snapshot()
    with a_log() as log:
        old = sequenced(log, 2)
        follow(log, snapshot)
        missed = sequenced(log, 3)
        let_time_pass(below=5)
        prune("default", batch=10)
        fresh = append()
        read = log.read(snapshot.position)
        assert not snapshot.has_lost(read)
        snapshot.apply(read)
        assert snapshot.dead == {missed[2], fresh}
        assert not snapshot.dead & set(old)


@pytest.mark.databases("postgres", "mariadb")
@pytest.mark.parametrize("count", [2, 40])
def test_pruning_neither_waits_for_causes_nor_holds_them_up(count: int) -> None:
    with actors(2) as (cause, pruner), a_log() as log:
        sequenced(log, count)
        let_time_pass(below=count + 1)
        cause.begin()
        cause.do(append)
        assert pruner.start(lambda: prune("default", batch=count)).result(5) == count
        cause.do(append)
        cause.commit()
        assert log.sequence() == 2
    assert positions() == [count + 1, count + 2]


def test_pruning_uses_a_connection_of_its_own_and_closes_it() -> None:
    """A command may call it inside a transaction of the project's."""
    from drf_lanyard.stores import private

    opened: list[object] = []
    original = private._open_like

    def spy(alias: str, timeout: float) -> object:
        opened.append(original(alias, timeout))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "_open_like", spy)
        prune("default", batch=10)
    (wrapper,) = opened
    assert wrapper is not connection
    assert wrapper.connection is None  # type: ignore[attr-defined]
