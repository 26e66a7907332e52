"""API tokens in memory, beside `MemoryStore`: for tests of the core, and to say what the contract means."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from ..core.ids import log_uid
from ..core.model import ApiTokenState, Entry, NewApiToken
from ..core.ports import Clock
from .memory import MemoryStore


class MemoryApiTokens:
    """`ApiTokenStore` with the users, the epochs, the log and the lock of a `MemoryStore`."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tokens: dict[str, ApiTokenState] = {}

    def add(self, owner: Any, new: NewApiToken) -> None:
        now = self._clock.time()
        with self._store._lock:
            self._tokens[new.digest] = ApiTokenState(
                id=new.id,
                subject=owner,
                scope=new.scope,
                created_at=now,
                expires_at=None if new.lifetime is None else now + new.lifetime,
                idle_lifetime=new.idle_lifetime,
                last_used_at=None,
                user_active=True,
                epoch=0,
                now=now,
            )

    def find(self, digest: str) -> ApiTokenState | None:
        with self._store._lock:
            state = self._tokens.get(digest)
            user = None if state is None else self._store.users.get(state.subject)
            if state is None or user is None:  # tokens go with their user
                return None
            return replace(
                state,
                user=user,
                user_active=user.is_active,
                epoch=self._store._epochs.get(state.subject, 0),
                now=self._clock.time(),
            )

    def delete(self, token_ids: Collection[UUID], owner: Any = None) -> list[Entry]:
        with self._store._lock:
            doomed = {
                digest: state
                for digest, state in self._tokens.items()
                if state.id in token_ids and (owner is None or state.subject == owner)
            }
            for digest in doomed:
                del self._tokens[digest]
            return self._store._append([Entry(uid=log_uid(), credential=s.id.int) for s in doomed.values()])

    def touch(self, used: Mapping[UUID, float]) -> None:
        with self._store._lock:
            for digest, state in self._tokens.items():
                if state.id in used:
                    last = max(used[state.id], state.last_used_at or 0.0)
                    self._tokens[digest] = replace(state, last_used_at=last)
