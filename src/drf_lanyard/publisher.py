"""What follows a revocation: this process applies it at once, and whoever listens is told."""

from collections.abc import Callable, Collection
from typing import Any, Protocol
from uuid import UUID

from .core.model import Entry


class Listener(Protocol):
    """Told what died, once it is durable (see `signals.revoked`)."""

    def revoked(
        self, *, session_ids: Collection[UUID], token_ids: Collection[UUID], owners: Collection[Any], reason: str
    ) -> None: ...


class Publisher:
    """Acts on log entries after the commit of the transaction that wrote them, and never if it is rolled back."""

    def __init__(
        self,
        *,
        after_commit: Callable[[Callable[[], None]], None],
        apply: Callable[[list[Entry]], None],
        listener: Listener,
    ) -> None:
        self._after_commit = after_commit
        self._apply = apply
        self._listener = listener

    def sessions(self, entries: list[Entry], reason: str) -> int:
        """Sessions ended; how many."""
        return self._publish(entries, reason, session_ids=ids_of(entries))

    def tokens(self, entries: list[Entry], reason: str) -> int:
        """API tokens deleted; how many."""
        return self._publish(entries, reason, token_ids=ids_of(entries))

    def users(self, entries: list[Entry], owners: Collection[Any], reason: str) -> int:
        """Users' epochs raised; how many."""
        return self._publish(entries, reason, owners=tuple(owners))

    def _publish(
        self,
        entries: list[Entry],
        reason: str,
        *,
        session_ids: Collection[UUID] = (),
        token_ids: Collection[UUID] = (),
        owners: Collection[Any] = (),
    ) -> int:
        def committed() -> None:
            self._apply(entries)
            self._listener.revoked(session_ids=session_ids, token_ids=token_ids, owners=owners, reason=reason)

        if entries:
            self._after_commit(committed)
        return len(entries)


def ids_of(entries: list[Entry]) -> list[UUID]:
    """The credentials that are dead."""
    return [UUID(int=entry.credential) for entry in entries if entry.credential is not None]
