"""What a client keeps between calls, and where: the contract of a token store, and one in memory."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import msgspec

from .errors import TokenStoreError

#: Seconds to wait for another thread or process that is refreshing. Longer than its attempts can take together.
LOCK_TIMEOUT = 60.0


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in, saved as a whole.

    The access token is kept beside the refresh token, so that processes that share a store share one refresh,
    and a command that starts anew needs none. It is worth less than the refresh token that lies there anyway.
    """

    #: The sign-in endpoints these tokens belong to; they are never sent anywhere else.
    server: str
    session: str
    access: str
    refresh: str
    #: Set while a refresh of `refresh` is under way: what that refresh must be repeated with, also after a crash.
    idempotency_key: str | None = None

    def __repr__(self) -> str:
        return f"Tokens(server={self.server!r}, session={self.session!r})"


class TokenStore(Protocol):
    """Where tokens live.

    Everything but `load` is called while holding `lock()`. A failure raises `TokenStoreError`.
    """

    def load(self) -> Tokens | None:
        """What was saved last, or None. Needs no lock."""

    def save(self, tokens: Tokens) -> None:
        """Replace everything at once: after a crash at any moment `load` returns the old or the new, never a mix."""

    def clear(self) -> None:
        """Forget the tokens; nothing to forget is fine."""

    def lock(self) -> AbstractContextManager[None]:
        """Exclude every other user of the same tokens, in any thread or process. Released when its holder dies."""


class MemoryTokens:
    """Tokens that live as long as the process; safe from several threads."""

    def __init__(self) -> None:
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def clear(self) -> None:
        self._tokens = None

    @contextmanager
    def lock(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=LOCK_TIMEOUT):
            raise TokenStoreError("Another thread has been refreshing the tokens for too long.")
        try:
            yield
        finally:
            self._lock.release()
