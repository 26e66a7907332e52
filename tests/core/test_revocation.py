"""The snapshot: idempotent, only ever adding, and forgetting by the floor."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from drf_lanyard.core.errors import TokenRevoked, TokenStale
from drf_lanyard.core.model import Entry, LogRead, Principal
from drf_lanyard.core.revocation import BUCKET, Snapshot


def dead(credential: int, position: int | None = None, uid: int = 1) -> Entry:
    return Entry(uid=uid, position=position, credential=credential)


def stale(subject: str, epoch: int, position: int | None = None, uid: int = 1) -> Entry:
    return Entry(uid=uid, position=position, subject=subject, epoch=epoch)


def read(*entries: Entry, floor: int = 0) -> LogRead:
    return LogRead(entries=entries, floor=floor)


def principal(user: str = "1", epoch: int = 0, credential: int = 7) -> Principal:
    return Principal(user_id=user, method="jwt", epoch=epoch, credential=credential, issued_at=0, expires_at=1)


def test_a_dead_credential_and_a_low_epoch_are_told_apart() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(dead(7, 1), stale("2", 3, 2)))

    assert snapshot.verdict(principal(credential=7)) is TokenRevoked
    assert snapshot.verdict(principal(credential=8)) is None
    assert snapshot.verdict(principal("2", epoch=2, credential=8)) is TokenStale
    assert snapshot.verdict(principal("2", epoch=3, credential=8)) is None
    assert snapshot.verdict(principal("2", epoch=2, credential=7)) is TokenRevoked


def test_entries_without_a_position_count_at_once() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(dead(7)))

    assert snapshot.verdict(principal()) is TokenRevoked
    assert snapshot.position == 0


def test_an_older_epoch_never_lowers_a_newer_one() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(stale("1", 5, 2), stale("1", 4, 1), stale("1", 3)))

    assert snapshot.epochs == {"1": 5}


def test_only_what_is_at_or_below_the_floor_is_forgotten() -> None:
    snapshot = Snapshot()
    for position in range(1, 2 * BUCKET + 1):
        snapshot.apply(read(dead(position, position)))
    snapshot.apply(read(dead(10**6)))

    snapshot.apply(read(floor=BUCKET))

    assert len(snapshot.dead) == BUCKET + 1
    assert BUCKET not in snapshot.dead and BUCKET + 1 in snapshot.dead
    assert 10**6 in snapshot.dead  # not sequenced, so never forgotten


def test_an_epoch_is_forgotten_with_its_newest_entry() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(*(stale("1", n, n) for n in range(1, BUCKET + 2))))

    snapshot.apply(read(floor=BUCKET))
    assert snapshot.epochs == {"1": BUCKET + 1}

    snapshot.apply(read(floor=BUCKET + 1))
    assert snapshot.epochs == {}


def test_the_newest_entry_gone_or_replaced_means_lost_commits() -> None:
    snapshot = Snapshot()
    assert not snapshot.has_lost(read())
    snapshot.apply(read(dead(7, 4, uid=44)))

    assert not snapshot.has_lost(read(dead(7, 4, uid=44), dead(8, 5)))
    assert snapshot.has_lost(read())
    assert snapshot.has_lost(read(dead(9, 4, uid=45)))
    assert not snapshot.has_lost(read(floor=4))  # pruned, not lost


def test_what_the_database_lost_is_named_and_nothing_is_removed() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(dead(7, 1, uid=1), dead(8, 2, uid=2), stale("1", 2, 3, uid=3), stale("2", 9, 4, uid=4)))
    after_failover = read(dead(7, 1, uid=1), stale("1", 1, 2, uid=5), stale("2", 9, 3, uid=6))

    stored = Snapshot()
    stored.apply(after_failover)
    lost = snapshot.missing_from(stored, floor=0)
    snapshot.rewind()
    snapshot.apply(after_failover)

    assert {(e.credential, e.subject, e.epoch) for e in lost} == {(8, None, 0), (None, "1", 2)}
    assert snapshot.dead == {7, 8}
    assert snapshot.epochs == {"1": 2, "2": 9}
    assert snapshot.position == 3
    assert not snapshot.has_lost(after_failover)


entries = st.lists(
    st.tuples(st.integers(1, 30), st.booleans(), st.integers(1, 5), st.sampled_from("abc"), st.integers(1, 9)),
    unique_by=lambda e: e[0],
    max_size=30,
)


@given(entries, st.randoms(use_true_random=False))
def test_any_way_of_cutting_the_log_into_reads_gives_the_same_snapshot(log: list, random: object) -> None:
    """Reads overlap, repeat themselves and show entries before they are numbered: the result is the same."""
    numbered = [
        dead(credential, position, uid=position) if is_credential else stale(subject, epoch, position, uid=position)
        for position, is_credential, credential, subject, epoch in sorted(log)
    ]
    at_once, piecemeal = Snapshot(), Snapshot()
    at_once.apply(read(*numbered))

    for end in [*sorted(random.choices(range(len(numbered) + 1), k=5)), len(numbered)]:  # type: ignore[attr-defined]
        seen = [e for e in numbered[:end] if (e.position or 0) >= piecemeal.position]
        ahead = [Entry(uid=e.uid, credential=e.credential, subject=e.subject, epoch=e.epoch) for e in numbered[end:]]
        piecemeal.apply(read(*seen, *ahead))

    assert (piecemeal.dead, piecemeal.epochs) == (at_once.dead, at_once.epochs)
    assert piecemeal.position == at_once.position


def test_roll_calls_do_not_postpone_forgetting() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(dead(7, 1), Entry(uid=2, position=2)))
    snapshot.apply(read(Entry(uid=2, position=2), floor=1))

    assert not snapshot.dead
    assert not snapshot.has_lost(read(Entry(uid=2, position=2), floor=1))


def test_a_forgotten_entry_without_an_epoch_costs_nothing() -> None:
    snapshot = Snapshot()
    snapshot.apply(read(stale("1", 0, 1), dead(7, 2)))
    snapshot.apply(read(floor=2))

    assert not snapshot.dead
    assert not snapshot.epochs


def test_that_sessions_ended_is_remembered_while_a_shorter_log_is_applied_again() -> None:
    snapshot = Snapshot()
    snapshot.add([Entry(uid=1, subject="1", epoch=2, ends_sessions=True)])
    snapshot.apply(read(stale("1", 3, 1)))
    snapshot.apply(read(floor=1))
    snapshot.rewind()
    snapshot.apply(read(stale("1", 1, 1)))

    assert snapshot.missing_from(Snapshot(), 0) == [Entry(uid=0, subject="1", epoch=1, ends_sessions=True)]


def test_ids_of_sessions_fit_the_set() -> None:
    session = uuid4()
    snapshot = Snapshot()
    snapshot.add([dead(session.int)])

    assert snapshot.verdict(principal(credential=session.int)) is TokenRevoked
