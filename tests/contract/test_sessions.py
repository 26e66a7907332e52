"""The contract of `core.ports.SessionStore`, against every implementation."""

from typing import Any
from uuid import uuid4

import pytest

from drf_lanyard.core.model import Client, Denied, Opened, Rotation, SessionState

from .stores import InDatabase, InMemory, StoreUnderTest, new_session


def ignore(state: SessionState) -> None:
    """Nothing is minted here."""


def open_session(store: StoreUnderTest, user: object, **changes: object) -> SessionState:
    opened = store.sessions.open(user, new_session(**changes), None, ignore)
    assert isinstance(opened, Opened)
    return opened.session


def rotation(state: SessionState, **changes: object) -> Rotation:
    values: dict[str, Any] = {
        "counter": state.counter + 1,
        "rotated_at": state.now,
        "idle_expires_at": state.now + 1_000,
        "idempotency": "digest",
        "auth_hash": state.user_auth_hashes[0],
        "client": Client(ip="192.0.2.2", user_agent="later"),
    }
    return Rotation(**{**values, **changes})


class SessionContract:
    def test_an_opened_session_can_be_loaded(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        opened = open_session(store, user)
        loaded = store.sessions.load(opened.id)

        assert loaded is not None
        assert loaded.subject == str(user.pk)
        assert (loaded.counter, loaded.epoch, loaded.revoked_at, loaded.idempotency) == (0, 0, None, "")
        assert (loaded.method, loaded.transport, loaded.secret) == ("password", "bearer", "s" * 43)
        assert loaded.rotated_at == loaded.created_at <= loaded.now < loaded.created_at + 60
        assert loaded.idle_expires_at == pytest.approx(loaded.created_at + 1_000)
        assert loaded.absolute_expires_at == pytest.approx(loaded.created_at + 5_000)
        assert loaded.user_active and loaded.auth_hash == loaded.user_auth_hashes[0] != ""

    def test_an_unknown_session_is_none(self, store: StoreUnderTest) -> None:
        assert store.sessions.load(uuid4()) is None

    def test_idle_expiry_never_exceeds_the_absolute_one(self, store: StoreUnderTest) -> None:
        state = open_session(store, store.make_user(), idle_lifetime=9_000.0)
        assert state.idle_expires_at == state.absolute_expires_at

        state = open_session(store, store.make_user(), id=uuid4(), absolute_lifetime=None)
        assert state.absolute_expires_at is None

    @pytest.mark.parametrize(
        ("changes", "code"),
        [({"password": "second"}, "invalid_credentials"), ({"is_active": False}, "user_inactive")],
    )
    def test_a_user_who_changed_since_is_denied(self, store: StoreUnderTest, changes: dict, code: str) -> None:
        user, new = store.make_user(), new_session()
        store.change(user, **changes)

        denied = store.sessions.open(user, new, None, ignore)

        assert isinstance(denied, Denied) and denied.error.code == code
        assert store.sessions.load(new.id) is None

    def test_minting_that_fails_leaves_nothing_behind(self, store: StoreUnderTest) -> None:
        user, new = store.make_user(), new_session()
        older = open_session(store, user, id=uuid4())

        def fail(state: SessionState) -> None:
            assert state.id == new.id and state.subject == str(user.pk)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.sessions.open(user, new, 1, fail)

        assert store.sessions.load(new.id) is None
        kept = store.sessions.load(older.id)
        assert kept is not None and kept.revoked_at is None
        assert store.log.read(0).entries == ()

    def test_a_user_who_is_gone_is_denied(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        store.delete(user)

        denied = store.sessions.open(user, new_session(), None, ignore)

        assert isinstance(denied, Denied) and denied.error.code == "user_inactive"

    def test_the_oldest_sessions_make_room(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        ids = [uuid4() for _ in range(4)]
        for session_id in ids[:3]:
            opened = store.sessions.open(user, new_session(id=session_id), None, ignore)
            store.age(session_id, 10)
        other = open_session(store, store.make_user(), id=uuid4())

        opened = store.sessions.open(user, new_session(id=ids[3]), 2, ignore)

        assert isinstance(opened, Opened)
        live = [i for i in [*ids, other.id] if (s := store.sessions.load(i)) and s.revoked_at is None]
        assert len(live) == 3 and ids[3] in live and other.id in live
        assert len(opened.evicted) == 2
        assert {e.credential for e in opened.evicted}.isdisjoint({ids[3].int, other.id.int})

    def test_the_swap_is_decided_by_the_counter(self, store: StoreUnderTest) -> None:
        state = open_session(store, store.make_user())

        assert store.sessions.swap(state, rotation(state))
        assert not store.sessions.swap(state, rotation(state))

        after = store.sessions.load(state.id)
        assert after is not None
        assert (after.counter, after.idempotency) == (1, "digest")
        assert after.idle_expires_at == pytest.approx(state.now + 1_000)

    def test_a_renewed_session_is_another_one_to_a_swap_that_read_it_before(self, store: StoreUnderTest) -> None:
        state = open_session(store, store.make_user())
        store.sessions.renew(state.id, "n" * 43)

        assert not store.sessions.swap(state, rotation(state))

    def test_long_texts_are_cut(self, store: StoreUnderTest) -> None:
        client = Client(ip="1" * 99, user_agent="u" * 999, device="d" * 999)
        state = open_session(store, store.make_user(), method="m" * 99, client=client)

        assert len(store.sessions.revoke_sessions([state.id], "r" * 99)) == 1

    def test_a_dead_session_cannot_be_swapped_or_renewed(self, store: StoreUnderTest) -> None:
        state = open_session(store, store.make_user())
        store.sessions.revoke_sessions([state.id], "test")

        assert not store.sessions.swap(state, rotation(state))
        assert store.sessions.renew(state.id, "n" * 43) is None
        assert store.sessions.renew(uuid4(), "n" * 43) is None

    def test_renewing_changes_the_secret_and_binds_to_the_new_password(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        state = open_session(store, user)
        store.sessions.swap(state, rotation(state))
        store.change(user, password="second")

        renewed = store.sessions.renew(state.id, "n" * 43)

        assert renewed is not None
        assert (renewed.secret, renewed.counter, renewed.idempotency) == ("n" * 43, 0, "")
        assert renewed.auth_hash == renewed.user_auth_hashes[0] != state.auth_hash

    def test_revoking_names_what_was_live(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        first, second = open_session(store, user), open_session(store, user, id=uuid4())

        entries = store.sessions.revoke_sessions([first.id, uuid4()], "test")

        assert [e.credential for e in entries] == [first.id.int]
        assert store.sessions.revoke_sessions([first.id], "again") == []
        ended, live = store.sessions.load(first.id), store.sessions.load(second.id)
        assert ended is not None and ended.revoked_at is not None
        assert live is not None and live.revoked_at is None

    def test_what_is_not_stored_can_be_dead_too(self, store: StoreUnderTest) -> None:
        stored, lost, dead = open_session(store, store.make_user()), uuid4(), uuid4()

        entries = store.sessions.revoke_unknown([stored.id, lost, dead], lambda one: one == dead)

        assert [e.credential for e in entries] == [lost.int]
        assert lost.int in {e.credential for e in store.log.read(0).entries}
        still = store.sessions.load(stored.id)
        assert still is not None and still.revoked_at is None

    def test_only_the_owners_sessions_are_revoked(self, store: StoreUnderTest) -> None:
        mine, theirs = store.make_user(), store.make_user()
        state = open_session(store, theirs)

        assert store.sessions.revoke_sessions([state.id], "test", mine.pk) == []
        assert len(store.sessions.revoke_sessions([state.id], "test", theirs.pk)) == 1

    def test_others_are_revoked_without_touching_the_epoch(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        kept, other = open_session(store, user), open_session(store, user, id=uuid4())
        stranger = open_session(store, store.make_user(), id=uuid4())

        entries = store.sessions.revoke_other_sessions(user.pk, kept.id, "test")

        assert [e.credential for e in entries] == [other.id.int]
        for state in (kept, stranger):
            after = store.sessions.load(state.id)
            assert after is not None and after.revoked_at is None and after.epoch == 0

    def test_revoking_a_user_raises_the_epoch_and_ends_sessions(self, store: StoreUnderTest) -> None:
        user, stranger = store.make_user(), store.make_user()
        state, other = open_session(store, user), open_session(store, stranger, id=uuid4())

        first = store.sessions.revoke_users([user.pk], "test")
        second = store.sessions.revoke_users([user.pk], "test")

        assert [(e.subject, e.epoch, e.credential) for e in first + second] == [
            (str(user.pk), 1, None),
            (str(user.pk), 2, None),
        ]
        ended, untouched = store.sessions.load(state.id), store.sessions.load(other.id)
        assert ended is not None and ended.revoked_at is not None and ended.epoch == 2
        assert untouched is not None and untouched.revoked_at is None and untouched.epoch == 0

    def test_many_users_at_once(self, store: StoreUnderTest) -> None:
        users = [store.make_user() for _ in range(5)]
        store.sessions.revoke_users([users[0].pk], "test")

        entries = store.sessions.revoke_users([user.pk for user in users], "test")

        assert {(e.subject, e.epoch) for e in entries} == {(str(u.pk), 2 if u is users[0] else 1) for u in users}
        assert store.sessions.revoke_users([], "test") == []

    def test_sessions_can_be_kept(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        first, second = open_session(store, user), open_session(store, user, id=uuid4())

        store.sessions.revoke_users([user.pk], "test", keep_sessions=True)
        both = [store.sessions.load(s.id) for s in (first, second)]
        assert [s and (s.revoked_at, s.epoch) for s in both] == [(None, 1), (None, 1)]

        store.sessions.revoke_users([user.pk], "test", keep=second.id)
        kept, ended = store.sessions.load(second.id), store.sessions.load(first.id)
        assert kept is not None and kept.revoked_at is None and kept.epoch == 2
        assert ended is not None and ended.revoked_at is not None

    def test_everything_revoked_is_in_the_log(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        state = open_session(store, user)
        entries = store.sessions.revoke_sessions([state.id], "test") + store.sessions.revoke_users([user.pk], "test")

        logged = store.log.read(0).entries

        assert {e.uid for e in entries} == {e.uid for e in logged}
        assert {(e.credential, e.subject, e.epoch) for e in entries} == {
            (e.credential, e.subject, e.epoch) for e in logged
        }

    def test_the_state_follows_the_user(self, store: StoreUnderTest) -> None:
        user = store.make_user()
        state = open_session(store, user)
        store.change(user, password="second", is_active=False)

        after = store.sessions.load(state.id)

        assert after is not None and not after.user_active
        assert after.auth_hash not in after.user_auth_hashes

    def test_what_was_written_outside_a_transaction_is_durable_at_once(self, store: StoreUnderTest) -> None:
        called: list[int] = []
        store.sessions.after_commit(lambda: called.append(1))

        assert called == [1] and not store.sessions.in_transaction()

    def test_secrets_are_not_shown(self, store: StoreUnderTest) -> None:
        state = open_session(store, store.make_user())

        assert state.secret not in repr(state) and state.auth_hash not in repr(state)


class TestMemorySessions(SessionContract):
    @pytest.fixture
    def store(self, memory: InMemory) -> InMemory:
        return memory


class TestOrmSessions(SessionContract):
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def store(self, orm: InDatabase) -> InDatabase:
        return orm

    def test_nothing_is_durable_inside_a_transaction(self, store: InDatabase) -> None:
        from django.db import transaction

        called: list[str] = []
        with transaction.atomic():
            assert store.sessions.in_transaction()
            store.sessions.after_commit(lambda: called.append("committed"))
            assert called == []
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            store.sessions.after_commit(lambda: called.append("rolled back"))
            raise ZeroDivisionError

        assert called == ["committed"]
