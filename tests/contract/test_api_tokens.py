"""The contract of `core.ports.ApiTokenStore`, against every implementation."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from drf_lanyard.core.model import ApiTokenState, NewApiToken
from drf_lanyard.core.opaque import digest
from drf_lanyard.core.ports import ApiTokenStore
from drf_lanyard.stores.memory_tokens import MemoryApiTokens

from .stores import InDatabase, InMemory


class Memory(InMemory):
    def __init__(self) -> None:
        super().__init__()
        self.tokens: ApiTokenStore = MemoryApiTokens(self.store, self.clock)


class Database(InDatabase):
    def __init__(self) -> None:
        from drf_lanyard.stores.orm_tokens import OrmApiTokens

        super().__init__()
        self.tokens: ApiTokenStore = OrmApiTokens()


Store = Memory | Database


def new_token(text: str = "lan_first", **changes: Any) -> NewApiToken:
    return NewApiToken(**{"id": uuid4(), "digest": digest(text), "hint": "irst", "name": "CI", **changes})


def stored(store: Store, owner: Any, text: str = "lan_first", **changes: Any) -> UUID:
    new = new_token(text, **changes)
    store.tokens.add(owner.pk, new)
    return new.id


def found(store: Store, text: str = "lan_first") -> ApiTokenState:
    state = store.tokens.find(digest(text))
    assert state is not None
    return state


class ApiTokenContract:
    def test_a_stored_token_is_found_by_its_digest(self, store: Store) -> None:
        user = store.make_user()
        token_id = stored(store, user, scope="a b", lifetime=500.0, idle_lifetime=4000.0)
        stored(store, user, "lan_other")

        state = found(store)

        assert (state.id, state.subject, state.scope, state.epoch) == (token_id, str(user.pk), "a b", 0)
        assert state.user_active and state.user.pk == user.pk
        assert state.created_at <= state.now < state.created_at + 60
        assert state.expires_at == pytest.approx(state.created_at + 500, abs=0.001)
        assert (state.idle_lifetime, state.last_used_at) == (4000.0, None)

    def test_without_lifetimes_it_never_ends(self, store: Store) -> None:
        stored(store, store.make_user())
        state = found(store)
        assert (state.expires_at, state.idle_lifetime, state.ends_at) == (None, None, float("inf"))

    def test_an_unknown_token_is_none(self, store: Store) -> None:
        stored(store, store.make_user())
        for unknown in (digest("lan_other"), digest("lan_first")[:-1], digest("lan_first")[:-1] + "%", "", "%"):
            assert store.tokens.find(unknown) is None

    def test_it_follows_the_user(self, store: Store) -> None:
        user = store.make_user()
        stored(store, user)
        store.change(user, is_active=False)
        (entry, *_) = store.sessions.revoke_users([user.pk], "test")

        state = found(store)

        assert not state.user_active
        assert state.epoch == entry.epoch == 1

    def test_deleting_names_what_there_was_and_logs_it(self, store: Store) -> None:
        user = store.make_user()
        first, second = stored(store, user), stored(store, user, "lan_second")

        entries = store.tokens.delete([first, uuid4(), first])

        assert [e.credential for e in entries] == [first.int]
        assert {e.uid for e in entries} == {e.uid for e in store.log.read(0).entries}
        assert store.tokens.find(digest("lan_first")) is None
        assert found(store, "lan_second").id == second
        assert store.tokens.delete([first]) == store.tokens.delete([]) == []

    def test_only_the_owners_tokens_are_deleted(self, store: Store) -> None:
        mine, theirs = store.make_user(), store.make_user()
        token_id = stored(store, mine)

        assert store.tokens.delete([token_id], theirs.pk) == []
        assert found(store).id == token_id
        assert len(store.tokens.delete([token_id], mine.pk)) == 1

    def test_many_are_deleted_at_once(self, store: Store) -> None:
        user = store.make_user()
        ids = [stored(store, user, f"lan_{number}") for number in range(205)]

        assert {e.credential for e in store.tokens.delete(ids)} == {i.int for i in ids}
        assert all(store.tokens.find(digest(f"lan_{number}")) is None for number in (0, 199, 200, 204))

    def test_the_last_use_never_moves_back(self, store: Store) -> None:
        user = store.make_user()
        first, second, unused = (stored(store, user, text) for text in ("lan_first", "lan_second", "lan_third"))

        store.tokens.touch({first: 2000.5, second: 3000.5, uuid4(): 1.0})
        store.tokens.touch({first: 1000.0, second: 4000.25})
        store.tokens.touch({})

        assert found(store).last_used_at == 2000.5
        assert found(store, "lan_second").last_used_at == 4000.25
        assert found(store, "lan_third").id == unused and found(store, "lan_third").last_used_at is None

    def test_the_last_use_of_many(self, store: Store) -> None:
        user = store.make_user()
        ids = [stored(store, user, f"lan_{number}") for number in range(205)]

        store.tokens.touch({token_id: 1000.0 + number for number, token_id in enumerate(ids)})

        assert [found(store, f"lan_{number}").last_used_at for number in (0, 199, 200, 204)] == [1000, 1199, 1200, 1204]

    def test_idleness_counts_from_the_last_use_or_the_creation(self, store: Store) -> None:
        token_id = stored(store, store.make_user(), lifetime=9000.0, idle_lifetime=4000.0)
        created = found(store).created_at
        assert found(store).ends_at == created + 4000

        store.tokens.touch({token_id: created + 100})
        assert found(store).ends_at == pytest.approx(created + 4100)
        store.tokens.touch({token_id: created + 8000})
        assert found(store).ends_at == pytest.approx(created + 9000)

    def test_tokens_go_with_their_user(self, store: Store) -> None:
        user = store.make_user()
        stored(store, user)
        self.remove(store, user)
        assert store.tokens.find(digest("lan_first")) is None

    def remove(self, store: Store, user: Any) -> None:
        store.delete(user)

    def test_digests_are_not_shown(self, store: Store) -> None:
        new = new_token()
        assert new.digest not in repr(new)


class TestMemoryApiTokens(ApiTokenContract):
    @pytest.fixture
    def store(self) -> Memory:
        return Memory()


class TestOrmApiTokens(ApiTokenContract):
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def store(self, transactional_db: None) -> Iterator[Database]:
        made = Database()
        yield made
        made.close()

    def remove(self, store: Store, user: Any) -> None:
        user.delete()

    def test_one_statement_finds_it(self, store: Database, django_assert_num_queries: Any) -> None:
        stored(store, store.make_user())
        with django_assert_num_queries(1):
            found(store)

    def test_a_deletion_that_is_rolled_back_has_not_happened(self, store: Database) -> None:
        from django.db import transaction

        token_id = stored(store, store.make_user())
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert len(store.tokens.delete([token_id])) == 1
            raise ZeroDivisionError

        assert found(store).id == token_id
        assert store.log.read(0).entries == ()
