"""The contract of `core.ports.RevocationLog`, against every implementation."""

from uuid import UUID, uuid4

import pytest

from drf_lanyard.core.fleet import Report
from drf_lanyard.core.model import Entry, Opened

from .stores import InDatabase, InMemory, StoreUnderTest, new_session


def revoke(store: StoreUnderTest, count: int = 1) -> list[Entry]:
    users = [store.make_user() for _ in range(count)]
    return [entry for user in users for entry in store.sessions.revoke_users([user.pk], "test")]


class LogContract:
    def test_an_empty_log(self, store: StoreUnderTest) -> None:
        read = store.log.read(0)

        assert (read.entries, read.floor) == ((), 0)
        assert store.log.sequence() == 0

    def test_entries_are_seen_before_and_after_they_get_a_position(self, store: StoreUnderTest) -> None:
        first, second = revoke(store, 2)

        assert {(e.uid, e.position) for e in store.log.read(0).entries} == {(first.uid, None), (second.uid, None)}
        assert store.log.sequence() == 2
        assert {(e.uid, e.position) for e in store.log.read(0).entries} == {(first.uid, 1), (second.uid, 2)}

    def test_a_read_goes_on_from_a_position_and_shows_it_again(self, store: StoreUnderTest) -> None:
        entries = revoke(store, 3)
        store.log.sequence()
        later = revoke(store, 1)

        read = store.log.read(2)

        assert {(e.uid, e.position) for e in read.entries} == {
            (entries[1].uid, 2),
            (entries[2].uid, 3),
            (later[0].uid, None),
        }

    def test_positions_go_on_and_never_repeat(self, store: StoreUnderTest) -> None:
        for _ in range(3):
            revoke(store, 2)
            assert store.log.sequence() == 2

        assert sorted(e.position or 0 for e in store.log.read(0).entries) == [1, 2, 3, 4, 5, 6]

    def test_forgetting_raises_the_floor_and_spares_what_has_no_position(self, store: StoreUnderTest) -> None:
        revoke(store, 3)
        store.log.sequence()
        waiting = revoke(store, 1)

        assert store.forget(2) == 2
        read = store.log.read(0)

        assert read.floor == 2
        assert {(e.uid, e.position) for e in read.entries} >= {(waiting[0].uid, None)}
        assert sorted(e.position for e in read.entries if e.position) == [3]
        assert store.log.sequence() == 1
        assert sorted(e.position for e in store.log.read(0).entries if e.position) == [3, 4]

    def test_everything_can_be_forgotten_and_positions_still_go_on(self, store: StoreUnderTest) -> None:
        revoke(store, 2)
        store.log.sequence()
        store.forget(2)
        revoke(store, 1)
        store.log.sequence()

        read = store.log.read(0)

        assert read.floor == 2 and [e.position for e in read.entries] == [3]

    def test_restoring_brings_entries_back_and_lifts_epochs(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        store.lose()

        store.log.restore([Entry(uid=0, credential=7), Entry(uid=0, subject=str(user.pk), epoch=4)])

        entries = store.log.read(0).entries
        assert {(e.credential, e.subject, e.epoch) for e in entries} == {(7, None, 0), (None, str(user.pk), 4)}
        assert all(e.position is None and e.uid for e in entries)
        (raised,) = store.sessions.revoke_users([user.pk], "test")
        assert raised.epoch == 5

    def test_restoring_ends_the_sessions_again(self, store: StoreUnderTest) -> None:
        user, other = store.make_user(), store.make_user()
        mine, one, spared = (self.opened(store, owner) for owner in (user, other, other))

        store.log.restore(
            [
                Entry(uid=0, credential=one.int),
                Entry(uid=0, subject=str(user.pk), epoch=1, ends_sessions=True),
                Entry(uid=0, subject=str(other.pk), epoch=1),
            ]
        )

        ended = {i: (s := store.sessions.load(i)) is not None and s.revoked_at is not None for i in (mine, one, spared)}
        assert ended == {mine: True, one: True, spared: False}

    @staticmethod
    def opened(store: StoreUnderTest, owner: object) -> UUID:
        new = new_session(id=uuid4())
        assert isinstance(store.sessions.open(owner, new, None, lambda state: None), Opened)
        return new.id

    def test_restoring_never_lowers_an_epoch(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        for _ in range(3):
            store.sessions.revoke_users([user.pk], "test")

        store.log.restore([Entry(uid=0, subject=str(user.pk), epoch=2)])

        (raised,) = store.sessions.revoke_users([user.pk], "test")
        assert raised.epoch == 4

    def test_it_goes_on_after_a_rest_and_after_an_interruption(self, store: StoreUnderTest) -> None:
        (entry,) = revoke(store, 1)
        for pause in (store.log.rest, store.log.interrupt):
            pause()
            assert [e.uid for e in store.log.read(0).entries] == [entry.uid]

    def test_a_roll_call_is_in_the_log_and_revokes_nothing(self, store: StoreUnderTest) -> None:
        call = store.call_the_roll()
        store.log.sequence()

        (entry,) = store.log.read(0).entries
        assert (entry.uid, entry.position, entry.credential, entry.subject) == (call, 1, None, None)

    def test_answers_belong_to_an_open_call(self, store: StoreUnderTest) -> None:
        first, second = store.call_the_roll(), store.call_the_roll()
        for position in (4, 5):
            store.log.report(first, a_report(position))
        assert (sorted(store.answers(first)), store.answers(second)) == ([4, 5], [])

        store.end_call(first)
        store.log.report(first, a_report(6))
        store.log.report(second, a_report(7))

        assert (store.answers(first), store.answers(second)) == ([], [7])


def a_report(position: int) -> Report:
    return Report(running=60.0, age=0.1, position=position, dead=1, epochs=2, failures=0, push="redis")


class TestMemoryLog(LogContract):
    @pytest.fixture
    def store(self, memory: InMemory) -> InMemory:
        return memory


class TestOrmLog(LogContract):
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def store(self, orm: InDatabase) -> InDatabase:
        return orm
