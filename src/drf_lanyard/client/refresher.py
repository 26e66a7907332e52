"""The life of a client's tokens: one refresh at a time, safe to repeat after a crash at any step.

A refresh token is used up by a refresh. When the answer is lost, only a repetition with the same `Idempotency-Key`
is known to be ours, so the key is saved before the request is sent, used for every repetition however much later, and
goes away in the very write that saves the successor.
"""

import secrets
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from .errors import ClientError, SignInRequired, TokenStoreError, Unavailable, UnexpectedAnswer
from .server import Account, Grant, Server
from .tokens import Tokens, TokenStore

#: The steps of a refresh, each named when it is done.
Step = Literal["locked", "key_saved", "answered", "saved"]

#: Seconds before the second and the third attempt, when the server does not say.
PAUSES = (0.5, 1.0)
#: The longest pause, in seconds, that a call sits through; a longer one is the application's to decide on.
LONGEST_PAUSE = 5.0
#: Refresh this many seconds before the end, or in the last tenth of a short life.
MARGIN = 10.0


@dataclass(frozen=True, slots=True)
class _Life:
    """When an access token, received by this object, ends: by its own clock, whatever the wall clock says."""

    access: str
    refresh_from: float
    end: float


class Refresher:
    """Tokens in a store, kept usable against a server. Safe from several threads."""

    def __init__(
        self,
        server: Server,
        store: TokenStore,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Any],
        on_step: Callable[[Step], Any],
    ) -> None:
        self._server = server
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._on_step = on_step
        self._life: _Life | None = None
        self._not_before = clock()
        #: Counts failed refreshes, so that whoever waited for one shares its failure instead of repeating it.
        self._failures: tuple[int, ClientError | None] = (0, None)

    def load(self) -> Tokens | None:
        """The stored tokens, or None. Raises `TokenStoreError` for those of another server, which must not get here."""
        tokens = self._store.load()
        if tokens is not None and tokens.server != self._server.url:
            raise TokenStoreError(f"The stored tokens belong to {tokens.server}, not to {self._server.url}.")
        return tokens

    def access(self) -> str | None:
        """An access token, good as far as this client knows: refreshed if it is about to end. None if signed out.

        How long a token from another process still lives is unknown here, so it is used until the server refuses it.
        """
        tokens = self.load()
        if tokens is None:
            return None
        life = self._life
        if life is None or life.access != tokens.access or self._clock() < life.refresh_from:
            return tokens.access
        try:
            return self.refresh(stale=tokens.access)
        except (Unavailable, UnexpectedAnswer):
            if self._clock() < life.end:
                return tokens.access
            raise

    def refresh(self, *, stale: str) -> str:
        """An access token in the place of `stale`: a new one, or the one that another thread or process just got."""
        seen, _ = self._failures
        with self._store.lock():
            self._on_step("locked")
            tokens = self.load()
            if tokens is None:
                raise SignInRequired("Nobody is signed in.", "not_authenticated")
            if tokens.access != stale:
                return tokens.access
            count, failure = self._failures
            if count != seen and failure is not None:
                raise copy(failure)
            try:
                return self._refresh(tokens)
            except (Unavailable, UnexpectedAnswer) as error:
                self._failures = count + 1, error
                raise

    def login(self, credentials: Mapping[str, str]) -> Account:
        with self._store.lock():
            return self._keep(self._server.login(credentials))

    def logout(self) -> None:
        with self._store.lock():
            tokens = self.load()
            if tokens is not None:
                self._server.logout(tokens.refresh)
                self._store.clear()

    def forget(self) -> None:
        with self._store.lock():
            self._store.clear()

    def _refresh(self, tokens: Tokens) -> str:
        """One refresh, all its repetitions included. The lock is held."""
        key = tokens.idempotency_key
        if key is None:
            key = secrets.token_urlsafe(16)
            self._store.save(msgspec.structs.replace(tokens, idempotency_key=key))
        self._on_step("key_saved")
        try:
            grant = self._ask(tokens.refresh, key)
        except SignInRequired:
            self._store.clear()
            raise
        self._on_step("answered")
        self._keep(grant)
        self._on_step("saved")
        return grant.access

    def _ask(self, refresh: str, key: str) -> Grant:
        self._respect_retry_after()
        for pause in PAUSES:
            try:
                return self._server.refresh(refresh, key)
            except Unavailable as error:
                wait = pause if error.retry_after is None else error.retry_after
                self._not_before = self._clock() + (error.retry_after or 0)
                if wait > LONGEST_PAUSE:
                    raise
            self._sleep(wait)
        return self._server.refresh(refresh, key)

    def _respect_retry_after(self) -> None:
        left = self._not_before - self._clock()
        if left > 0:
            raise Unavailable(f"The server asked to wait; {left:.0f} s are left.", left)

    def _keep(self, grant: Grant) -> Account:
        now = self._clock()
        self._store.save(
            Tokens(server=self._server.url, session=grant.session, access=grant.access, refresh=grant.refresh)
        )
        end = now + grant.expires_in
        self._life = _Life(grant.access, end - min(MARGIN, grant.expires_in / 10), end)
        return Account(session=grant.session, user=grant.user, claims=grant.claims)
