"""The reference implementation of both ports, in memory: for tests of the core, and to say what the contract means."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import msgspec

from ..core.errors import InvalidCredentials, UserInactive
from ..core.fleet import Report
from ..core.ids import log_uid
from ..core.model import Denied, Entry, LogRead, NewSession, Opened, Rotation, SessionState
from ..core.ports import Clock


@dataclass(frozen=True, slots=True)
class MemoryUser:
    """A user as one read found it. `password` stands for the hash."""

    pk: str
    password: str = "hash"
    is_active: bool = True


@dataclass
class _Log:
    entries: list[Entry] = field(default_factory=list)
    head: int = 0
    floor: int = 0


class MemoryStore:
    """`SessionStore` and `RevocationLog` in one, under one lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.users: dict[str, MemoryUser] = {}
        self._sessions: dict[UUID, SessionState] = {}
        self._epochs: dict[str, int] = {}
        self._log = _Log()
        self.calls: dict[int, list[Report]] = {}

    # SessionStore

    def open(
        self, user: Any, new: NewSession, max_sessions: int | None, mint: Callable[[SessionState], None]
    ) -> Opened | Denied:
        with self._lock:
            stored = self.users.get(user.pk)
            if stored is None or not stored.is_active:
                return Denied(error=UserInactive())
            if stored.password != user.password:
                return Denied(error=InvalidCredentials())
            state = self._new_state(new, stored)
            mint(self._joined(state))
            evicted: list[Entry] = []
            if max_sessions is not None:
                live = sorted((s for s in self._live(user.pk)), key=lambda s: (s.created_at, s.id), reverse=True)
                evicted = self._end([s.id for s in live[max_sessions - 1 :]])
            self._sessions[new.id] = state
            return Opened(session=self._joined(state), evicted=evicted)

    def _new_state(self, new: NewSession, user: MemoryUser) -> SessionState:
        now = self._clock.time()
        ends = None if new.absolute_lifetime is None else now + new.absolute_lifetime
        return SessionState(
            id=new.id,
            subject=user.pk,
            secret=new.secret,
            counter=0,
            method=new.method,
            transport=new.transport,
            created_at=now,
            rotated_at=now,
            idle_expires_at=min(now + new.idle_lifetime, ends or float("inf")),
            absolute_expires_at=ends,
            revoked_at=None,
            auth_hash=user.password,
            user_active=True,
            epoch=0,
            now=now,
        )

    def load(self, session_id: UUID) -> SessionState | None:
        with self._lock:
            state = self._sessions.get(session_id)
            if state is None:
                return None
            return self._joined(state)

    def _joined(self, state: SessionState) -> SessionState:
        user = self.users.get(state.subject)
        return replace(
            state,
            user=user,
            user_active=user is not None and user.is_active,
            user_auth_hashes=("",) if user is None else (user.password,),
            epoch=self._epochs.get(state.subject, 0),
            now=self._clock.time(),
        )

    def swap(self, expected: SessionState, rotation: Rotation) -> bool:
        with self._lock:
            state = self._sessions.get(expected.id)
            if state is None or state.revoked_at is not None:
                return False
            if (state.counter, state.secret, state.auth_hash) != (
                expected.counter,
                expected.secret,
                expected.auth_hash,
            ):
                return False
            self._sessions[expected.id] = replace(
                state,
                counter=rotation.counter,
                rotated_at=rotation.rotated_at,
                idle_expires_at=rotation.idle_expires_at,
                idempotency=rotation.idempotency,
                auth_hash=rotation.auth_hash,
            )
            return True

    def renew(self, session_id: UUID, secret: str) -> SessionState | None:
        with self._lock:
            state = self.load(session_id)
            if state is None or state.revoked_at is not None:
                return None
            self._sessions[session_id] = replace(
                state,
                secret=secret,
                counter=0,
                rotated_at=state.now,
                idempotency="",
                auth_hash=state.user_auth_hashes[0],
            )
            return self.load(session_id)

    def revoke_sessions(self, session_ids: Collection[UUID], reason: str, owner: Any = None) -> list[Entry]:
        with self._lock:
            return self._end([i for i in session_ids if owner is None or self._owner(i) == owner])

    def revoke_unknown(self, session_ids: Collection[UUID], is_dead: Callable[[UUID], bool]) -> list[Entry]:
        with self._lock:
            unknown = [one for one in session_ids if one not in self._sessions and not is_dead(one)]
            return self._append([Entry(uid=log_uid(), credential=one.int) for one in unknown])

    def revoke_other_sessions(self, owner: Any, keep: UUID, reason: str) -> list[Entry]:
        with self._lock:
            return self._end([s.id for s in self._sessions.values() if s.subject == owner and s.id != keep])

    def revoke_users(
        self, owners: Collection[Any], reason: str, *, keep_sessions: bool = False, keep: UUID | None = None
    ) -> list[Entry]:
        with self._lock:
            for state in list(self._sessions.values()):
                if not keep_sessions and state.subject in owners and state.id != keep and state.revoked_at is None:
                    self._sessions[state.id] = replace(state, revoked_at=self._clock.time())
            for owner in owners:
                self._epochs[owner] = self._epochs.get(owner, 0) + 1
            ends = not keep_sessions
            raised = [(owner, self._epochs[owner]) for owner in sorted(set(owners))]
            return self._append([Entry(uid=log_uid(), subject=o, epoch=e, ends_sessions=ends) for o, e in raised])

    def after_commit(self, action: Callable[[], None]) -> None:
        action()

    def in_transaction(self) -> bool:
        return False

    def _owner(self, session_id: UUID) -> str | None:
        state = self._sessions.get(session_id)
        return None if state is None else state.subject

    def _live(self, owner: str) -> list[SessionState]:
        now = self._clock.time()
        mine = [s for s in self._sessions.values() if s.subject == owner and s.revoked_at is None]
        return [s for s in mine if now < min(s.idle_expires_at, s.absolute_expires_at or float("inf"))]

    def _end(self, session_ids: Sequence[UUID]) -> list[Entry]:
        ended = []
        for session_id in session_ids:
            state = self._sessions.get(session_id)
            if state is not None and state.revoked_at is None:
                self._sessions[session_id] = replace(state, revoked_at=self._clock.time())
                ended.append(Entry(uid=log_uid(), credential=session_id.int))
        return self._append(ended)

    def _append(self, entries: list[Entry]) -> list[Entry]:
        self._log.entries += entries
        return entries

    # RevocationLog

    def read(self, position: int) -> LogRead:
        with self._lock:
            wanted = [e for e in self._log.entries if e.position is None or e.position >= position]
            return LogRead(entries=tuple(wanted), floor=self._log.floor)

    def sequence(self) -> int:
        with self._lock:
            before = self._log.head
            for index, entry in enumerate(self._log.entries):
                if entry.position is None:
                    self._log.head += 1
                    self._log.entries[index] = msgspec.structs.replace(entry, position=self._log.head)
            return self._log.head - before

    def restore(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            self._append([msgspec.structs.replace(entry, uid=log_uid(), position=None) for entry in entries])
            for entry in entries:
                if entry.subject is not None:
                    self._epochs[entry.subject] = max(self._epochs.get(entry.subject, 0), entry.epoch)
                for state in list(self._sessions.values()):
                    ended = entry.ends_sessions and state.subject == entry.subject
                    if state.revoked_at is None and (ended or state.id.int == entry.credential):
                        self._sessions[state.id] = replace(state, revoked_at=self._clock.time())

    def forget(self, floor: int) -> None:
        """Forget entries at or below a position, as pruning does once their time is over."""
        with self._lock:
            self._log.floor = floor
            self._log.entries = [e for e in self._log.entries if e.position is None or e.position > floor]

    def report(self, call: int, report: Report) -> None:
        with self._lock:
            if call in self.calls:
                self.calls[call].append(report)

    def call_the_roll(self) -> int:
        """Append a roll call; its answers are in `calls` for as long as it is there."""
        with self._lock:
            entry = Entry(uid=log_uid())
            self.calls[entry.uid] = []
            self._append([entry])
            return entry.uid

    def interrupt(self) -> None:
        pass

    def rest(self) -> None:
        pass

    def park(self) -> None:
        pass
