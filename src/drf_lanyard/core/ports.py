"""What the service needs of the outside. These docstrings are the contract; one suite of tests runs it on every store.

"Not there" is a value; an outage is `StoreUnavailable`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from .fleet import Report
from .model import ApiTokenState, Denied, Entry, LogRead, NewApiToken, NewSession, Opened, Rotation, SessionState


class Clock(Protocol):
    """Two clocks: the wall for what tokens say, and one that no administrator can set for the lease."""

    def time(self) -> float:
        """Unix seconds."""

    def steady(self) -> float:
        """Seconds that only grow, and that count while the machine is suspended."""


class SessionStore(Protocol):
    """Sessions, users' epochs, and the writing side of the revocation log.

    Whatever revokes writes the state change, the epoch and the log entry in one transaction
    (the caller's, when it has one open). Entries are appended without a position.
    """

    def open(
        self, user: Any, new: NewSession, max_sessions: int | None, mint: Callable[[SessionState], None]
    ) -> Opened | Denied:
        """Store a session for `user`, whose password was just verified on an instance read earlier.

        In one transaction: lock the user, compare what is stored with the verified instance, read the epoch, evict
        the oldest sessions beyond `max_sessions`, insert. `Denied` (`UserInactive`, `InvalidCredentials`) when the user
        changed in between; then nothing was written. `mint` is called before the commit; if it raises, nothing is.
        """

    def load(self, session_id: UUID) -> SessionState | None:
        """The session with its user, epoch and the store's clock, in one statement. Ended ones included."""

    def swap(self, expected: SessionState, rotation: Rotation) -> bool:
        """Write `rotation` if the session is live and its counter, secret and auth hash are still as `expected`."""

    def renew(self, session_id: UUID, secret: str) -> SessionState | None:
        """Give a live session a new secret and counter 0, and bind it to the user's present password."""

    def revoke_sessions(self, session_ids: Collection[UUID], reason: str, owner: Any = None) -> list[Entry]:
        """End those that live (and belong to the user with primary key `owner`, if given)."""

    def revoke_unknown(self, session_ids: Collection[UUID], is_dead: Callable[[UUID], bool]) -> list[Entry]:
        """Write that those are dead which are not stored at all, unless `is_dead` says that this is known.

        A failover may have lost the commit of a sign-in, whose tokens are good all the same.
        """

    def revoke_other_sessions(self, owner: Any, keep: UUID, reason: str) -> list[Entry]:
        """End every live session of a user but one, without touching the epoch."""

    def revoke_users(
        self, owners: Collection[Any], reason: str, *, keep_sessions: bool = False, keep: UUID | None = None
    ) -> list[Entry]:
        """Raise the users' epochs, and end their sessions unless told to keep all (or one) of them."""

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once what was written is durable; never if it is rolled back."""

    def in_transaction(self) -> bool:
        """Whether the caller has a transaction open, so that nothing written is visible to others yet."""


class ApiTokenStore(Protocol):
    """API tokens, found by their digest."""

    def add(self, owner: Any, new: NewApiToken) -> None:
        """Store a token of the user with primary key `owner`."""

    def find(self, digest: str) -> ApiTokenState | None:
        """The token with its user, epoch and the store's clock, in one statement. Expired ones included."""

    def delete(self, token_ids: Collection[UUID], owner: Any = None) -> list[Entry]:
        """Delete those that exist (and belong to `owner`, if given), with their log entries, in one transaction."""

    def touch(self, used: Mapping[UUID, float]) -> None:
        """Note when tokens were last used (Unix seconds); never moves a time back."""


class RevocationLog(Protocol):
    """The reading side of the log. Called by one thread at a time, but for `interrupt`."""

    def read(self, position: int) -> LogRead:
        """What is at or after `position`, and what has no position yet: up to a page of each, in one statement.

        Raises any exception when the primary cannot be read; a standby counts as that.
        """

    def sequence(self) -> int:
        """Give positions, in commit order, to entries that have none; how many. Nothing if another process is at it.

        Raises any exception when the database is busy or cannot be reached: it is tried again.
        """

    def restore(self, entries: Sequence[Entry]) -> None:
        """Append entries that the database has lost, end their sessions, and raise epochs to at least theirs."""

    def report(self, call: int, report: Report) -> None:
        """Answer a roll call: store what this process says of itself, if that call is not over yet.

        Raises any exception when the database is busy or cannot be reached, rather than wait for a lock.
        """

    def interrupt(self) -> None:
        """From any thread: make a call that is blocked fail soon, and start afresh at the next call."""

    def rest(self) -> None:
        """Let go of the connection; the next call opens another."""

    def park(self) -> None:
        """After a fork, in the child: forget the inherited connection without closing it."""
