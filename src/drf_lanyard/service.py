"""What drf-lanyard does, over the core and the ports. No Django here."""

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol
from uuid import UUID

from . import publisher
from .core.access import AccessTokens, Known
from .core.errors import AuthError, StoreUnavailable, TokenInvalid, TokenMalformed, TokenRevoked
from .core.fleet import Report
from .core.ids import uuid7
from .core.model import Client, Denied, Entry, Issued, NewSession, Principal, Rotation, SessionState, Transport
from .core.policy import Policy
from .core.ports import Clock, SessionStore
from .core.refresh import RefreshTokens, decide, digest_idempotency_key
from .core.revocation import Snapshot
from .publisher import Publisher

#: How often a refresh decides anew after losing a compare-and-swap. Each loss means that somebody else's swap won, so
#: the next look almost always finds a successor to repeat.
MAX_ATTEMPTS = 5

#: The session is None for an API token.
ClaimsFor = Callable[[Any, SessionState | None], Mapping[str, Any]]


class FreshSnapshots(Protocol):
    """The reader, as the service sees it (see `core.reader.Reader`)."""

    lease: float

    def fresh(self) -> Snapshot: ...
    async def afresh(self) -> Snapshot: ...
    def publish(self, entries: list[Entry]) -> None: ...
    def report(self) -> Report: ...
    def close(self) -> None: ...


class Listener(publisher.Listener, Protocol):
    """Told what happened, once it is durable."""

    def refreshed(self, session: SessionState) -> None: ...
    def refresh_reused(self, session: SessionState) -> None: ...


class Lanyard:
    """One deployment's authentication. Built by `wiring.get_lanyard()`; stateless but for caches and the snapshot."""

    def __init__(
        self,
        *,
        policy: Policy,
        access: AccessTokens,
        refresh_tokens: RefreshTokens,
        sessions: SessionStore,
        reader: FreshSnapshots,
        clock: Clock,
        listener: Listener,
        claims_for: ClaimsFor = lambda user, session: {},
        sleep: Callable[[float], None],
    ) -> None:
        self.policy = policy
        self.access = access
        self.refresh_tokens = refresh_tokens
        self.sessions = sessions
        self.reader = reader
        self.clock = clock
        self.listener = listener
        self.publisher = Publisher(after_commit=sessions.after_commit, apply=reader.publish, listener=listener)
        self._claims_for = claims_for
        self._sleep = sleep

    # Authenticate

    def authenticate(self, token: str) -> Principal:
        """Who an access token stands for. No I/O within the lease.

        Raises `TokenMalformed`, `TokenInvalid`, `TokenExpired`, `TokenRevoked`, `TokenStale` or `StoreUnavailable`.
        """
        principal = self.access.verify(token, self.clock.time())
        if (refusal := self.reader.fresh().verdict(principal)) is not None:
            raise refusal
        return principal

    def recall(self, token: str) -> Known | None:
        """What is known of a token that was verified before, if it is good now: the path of almost every request.

        None: `authenticate` has to say. Raises `TokenRevoked`, `TokenStale` or `StoreUnavailable`. No I/O within the
        lease.
        """
        known = self.access.known.young.get(token)
        if known is None or not self.clock.time() < known.principal.expires_at:
            return None
        if (refusal := self.reader.fresh().verdict(known.principal)) is not None:
            raise refusal
        return known

    async def aauthenticate(self, token: str) -> Principal:
        """`authenticate` for a caller on an event loop; it awaits instead of blocking when a read is due."""
        principal = self.access.verify(token, self.clock.time())
        if (refusal := (await self.reader.afresh()).verdict(principal)) is not None:
            raise refusal
        return principal

    # Sign in

    def sign_in(self, user: Any, *, method: str, transport: Transport, client: Client) -> Issued | Denied:
        """Open a session for a user whose credentials were verified on this very instance, and issue its tokens."""
        began = self.clock.time()
        new = NewSession(
            id=uuid7(began),
            secret=secrets.token_urlsafe(32),
            method=method,
            transport=transport,
            client=client,
            idle_lifetime=self.policy.refresh_lifetime,
            absolute_lifetime=self.policy.session_lifetime,
        )
        minted: list[Issued] = []  # before the commit, so that a claims callable that fails leaves nothing behind
        opened = self.sessions.open(
            user, new, self.policy.max_sessions, lambda state: minted.append(self._issue(state, state.counter, began))
        )
        if isinstance(opened, Denied):
            return opened
        self.publisher.sessions(opened.evicted, "evicted")
        return minted[0]

    # Refresh

    def refresh(
        self, token: str, *, client: Client, idempotency_key: str | None = None, via: Collection[Transport] = ()
    ) -> Issued | Denied:
        """Exchange a refresh token. A refusal is returned, never raised: raising would undo the revocation it wrote.

        `via`: only of sessions with one of these transports, if given. Raises `StoreUnavailable` only.
        """
        began = self.clock.time()
        try:
            presented = self.refresh_tokens.parse(token)
        except TokenMalformed as error:
            return Denied(error=error)
        digest = digest_idempotency_key(idempotency_key)
        for _ in range(MAX_ATTEMPTS):
            state = self.sessions.load(presented.session_id)
            if state is None or not self.refresh_tokens.is_genuine(presented, state.secret):
                return Denied(error=TokenInvalid())
            if via and state.transport not in via:
                return Denied(error=TokenInvalid())
            decision = decide(state, presented.counter, digest, self.policy)
            if decision.action == "repeat":
                return self._issue(state, state.counter, began)
            if decision.error is not None:
                return self._deny(state, decision.error, ends_session=decision.ends_session)
            # Minted before the swap, so that a claims callable that fails changes nothing.
            issued = self._issue(state, decision.counter, began)
            if self.sessions.swap(state, self._rotation(state, decision.counter, digest, client)):
                self.listener.refreshed(state)
                return issued
        raise StoreUnavailable

    def _rotation(self, state: SessionState, counter: int, digest: str, client: Client) -> Rotation:
        idle = state.now + self.policy.refresh_lifetime
        return Rotation(
            counter=counter,
            rotated_at=state.now,
            idle_expires_at=idle if state.absolute_expires_at is None else min(idle, state.absolute_expires_at),
            idempotency=digest,
            auth_hash=state.user_auth_hashes[0],
            client=client,
        )

    def _deny(self, state: SessionState, error: type[AuthError], *, ends_session: bool) -> Denied:
        if ends_session:
            self.revoke_sessions([state.id], error.code)
            if error.code == "refresh_reused":
                self.listener.refresh_reused(state)
        return Denied(error=error(), session_id=state.id)

    def renew(self, session_id: UUID) -> Issued | Denied:
        """New credentials for a live session (its password was changed from it): every older token of it is invalid."""
        began = self.clock.time()
        state = self.sessions.renew(session_id, secrets.token_urlsafe(32))
        return Denied(error=TokenRevoked()) if state is None else self._issue(state, state.counter, began)

    def _issue(self, state: SessionState, counter: int, began: float) -> Issued:
        """Mint. `began` is from before the first read: a process stopped in between mints an old token."""
        claims = dict(self._claims_for(state.user, state))
        idle_left = state.idle_expires_at - state.now if counter == state.counter else self.policy.refresh_lifetime
        left = idle_left if state.absolute_expires_at is None else min(idle_left, state.absolute_expires_at - state.now)
        lifetime = min(self.policy.access_lifetime, left)  # no token outlives its session
        access = self.access.mint(
            subject=state.subject, session_id=state.id, epoch=state.epoch, now=began, claims=claims, at_most=lifetime
        )
        return Issued(
            access=access,
            refresh=self.refresh_tokens.derive(state.id, state.secret, counter),
            expires_in=int(lifetime),
            refresh_expires_in=int(left),
            session=state,
            claims=claims,
        )

    # Revoke

    def session_of(self, *, access: str | None = None, refresh: str | None = None) -> UUID | None:
        """Which session a genuine token belongs to, expired or not; None if it is not genuine."""
        if access is not None:
            try:
                return self.access.verify(access, self.clock.time(), allow_expired=True).session_id
            except AuthError:
                return None
        if refresh is not None:
            try:
                presented = self.refresh_tokens.parse(refresh)
            except TokenMalformed:
                return None
            state = self.sessions.load(presented.session_id)
            if state is not None and self.refresh_tokens.is_genuine(presented, state.secret):
                return state.id
        return None

    def revoke_sessions(
        self, session_ids: Collection[UUID], reason: str, *, owner: Any = None, wait: bool = False
    ) -> int:
        """End sessions (only those of `owner`, if given); how many were live.

        With `wait`, returns when no process lets in a request that arrives then; RuntimeError inside a transaction.
        """
        self.refuse_to_wait_in_transaction(wait)
        ended = self.publisher.sessions(self.sessions.revoke_sessions(session_ids, reason, owner), reason)
        if owner is None and ended < len(session_ids):  # after the others were published, since this may fail
            # A second time it is known, and nothing is written.
            unknown = self.sessions.revoke_unknown(session_ids, lambda one: one.int in self.reader.fresh().dead)
            ended += self.publisher.sessions(unknown, reason)
        self.wait_out_the_lease(wait)
        return ended

    def revoke_other_sessions(self, owner: Any, keep: UUID, reason: str) -> int:
        """End every session of a user (by primary key) but one; how many were live."""
        entries = self.sessions.revoke_other_sessions(owner, keep, reason)
        return self.publisher.sessions(entries, reason)

    def revoke_users(
        self,
        owners: Collection[Any],
        reason: str,
        *,
        keep_sessions: bool = False,
        keep: UUID | None = None,
        wait: bool = False,
    ) -> None:
        """Make every token of these users (primary keys) stale, and end their sessions.

        `keep_sessions` ends none: clients refresh and get new claims. `keep` spares one session.
        With `wait`, returns when no process lets in a request that arrives then; RuntimeError inside a transaction.
        """
        self.refuse_to_wait_in_transaction(wait)
        entries = self.sessions.revoke_users(owners, reason, keep_sessions=keep_sessions, keep=keep)
        self.publisher.users(entries, owners, reason)
        self.wait_out_the_lease(wait)

    def refuse_to_wait_in_transaction(self, wait: bool) -> None:
        """For what revokes with `wait`, before it does anything: RuntimeError inside a transaction."""
        if wait and self.sessions.in_transaction():
            raise RuntimeError("wait=True cannot work inside a transaction: nobody sees what is not committed.")

    def wait_out_the_lease(self, wait: bool) -> None:
        """For the same, after its commit. Also if nothing was live any more: it may have been ended a moment ago."""
        if wait:
            self._sleep(self.policy.lease)
