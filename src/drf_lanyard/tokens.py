"""API tokens over the core and the ports. No Django here."""

import math
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from .core.access import Known, claims_to_json, refuse_registered
from .core.counts import counts
from .core.errors import AuthError, TokenExpired, TokenInvalid, TokenMalformed, TokenStale, UserInactive
from .core.generations import Generations
from .core.ids import uuid7
from .core.model import ApiTokenState, NewApiToken, Principal
from .core.opaque import ApiTokens, digest
from .core.ports import ApiTokenStore, Clock
from .core.revocation import Snapshot
from .core.scope import join_scopes
from .publisher import Publisher
from .service import ClaimsFor

METHOD = "api_token"
#: How many tokens a process remembers.
CACHE_SIZE = 10_000
MAX_NAME = 100
#: Seconds. Lifetimes are bounded so that every end is a date; idle ones since the last use is written in batches.
LEAST_LIFETIME, MAX_LIFETIME, LEAST_IDLE_LIFETIME = 1.0, 100 * 366 * 86400.0, 3600.0

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class _Remembered(Known, kw_only=True):
    #: When the row must be read again, whatever happens (the store's clock has no part in it: steady seconds).
    until: float


class ApiTokenService:
    """Recognises API tokens: one query at the first sight in a process, then none for `remember` seconds at a time.

    Expiry and revocation are checked at every use; a raised epoch of the user makes the row be read again.
    """

    def __init__(
        self,
        *,
        tokens: ApiTokens,
        store: ApiTokenStore,
        fresh: Callable[[], Snapshot],
        publisher: Publisher,
        clock: Clock,
        remember: float,
        claims_for: ClaimsFor,
    ) -> None:
        self.tokens = tokens
        self._store = store
        self._fresh = fresh
        self._publisher = publisher
        self._clock = clock
        self._remember = remember
        self._claims_for = claims_for
        #: Called after each use that `flush` has to write.
        self.noted: Callable[[], None] = lambda: None
        self._seen: Generations[_Remembered] = Generations(CACHE_SIZE)
        #: Last use, by the integer of the token's id, until it is written.
        self._used: dict[int, float] = {}

    def create(
        self,
        owner: Any,
        name: str,
        *,
        scope: Iterable[str] = (),
        lifetime: float | None = None,
        idle_lifetime: float | None = None,
    ) -> tuple[str, UUID]:
        """A new token of the user with primary key `owner`, and its id. The token cannot be shown again.

        Lifetimes are in seconds; None: no end. Raises ValueError that says what is wrong.
        """
        _check_name(name)
        _check_lifetime("lifetime", lifetime, LEAST_LIFETIME)
        _check_lifetime("idle lifetime", idle_lifetime, LEAST_IDLE_LIFETIME)
        token = self.tokens.mint()
        new = NewApiToken(
            id=uuid7(self._clock.time()),
            digest=digest(token),
            hint=token[-4:],
            name=name,
            scope=join_scopes(scope),
            lifetime=lifetime,
            idle_lifetime=idle_lifetime,
        )
        self._store.add(owner, new)
        return token, new.id

    def recall(self, token: str) -> Known | None:
        """What is known of a token that was read before, if it is good now. None: `authenticate` has to say.

        Raises `TokenRevoked` or `StoreUnavailable`.
        """
        remembered = self._seen.young.get(token)
        if remembered is None or self._clock.steady() >= remembered.until:
            return None
        principal, now = remembered.principal, self._clock.time()
        if not now < principal.expires_at:
            return None
        if (refusal := self._verdict(principal)) is not None:
            if refusal is TokenStale:  # the row tells what changed
                return None
            raise refusal
        counts.api_token_hits += 1
        self._note(principal, now)
        return remembered

    def authenticate(self, token: str) -> Principal:
        """Who a token stands for. Raises `TokenMalformed` without a query, and else what an access token raises."""
        if not token.isascii():
            raise TokenMalformed
        remembered = self._seen.get(token)
        if remembered is None and not self.tokens.is_well_formed(token):
            raise TokenMalformed
        if remembered is None or self._clock.steady() >= remembered.until:
            remembered = self._read(token)
            counts.api_token_misses += 1
        else:
            counts.api_token_hits += 1
        principal = remembered.principal
        refusal = self._verdict(principal)
        if refusal is TokenStale:  # something about the user changed: the row tells what
            principal = self._read(token).principal
            refusal = self._verdict(principal)
        if refusal is not None:
            raise refusal
        now = self._clock.time()
        if not now < principal.expires_at:
            raise TokenExpired
        self._note(principal, now)
        return principal

    def _note(self, principal: Principal, now: float) -> None:
        self._used[principal.credential] = now  # one dictionary operation, so no lock; `flush` writes it
        self.noted()

    def revoke(self, token_ids: Collection[UUID], reason: str, *, owner: Any = None) -> int:
        """Delete tokens (only those of `owner`, if given); how many there were."""
        return self._publisher.tokens(self._store.delete(token_ids, owner), reason)

    def id_of(self, token: str) -> UUID | None:
        """The id of a token, expired or not; None if there is none."""
        state = self._store.find(digest(token)) if self.tokens.is_well_formed(token) else None
        return None if state is None else state.id

    def flush(self) -> int:
        """Write the times of last use collected since the last call; how many. What cannot be written is kept."""
        used: dict[UUID, float] = {}
        for credential in list(self._used):  # not iterated and not replaced: other threads are writing into it
            if (moment := self._used.pop(credential, None)) is not None:
                used[UUID(int=credential)] = moment
        if used:
            try:
                self._store.touch(used)
            except BaseException:
                for token_id, moment in used.items():
                    self._used.setdefault(token_id.int, moment)
                raise
        return len(used)

    def _verdict(self, principal: Principal) -> type[AuthError] | None:
        counts.other_checks += 1
        return self._fresh().verdict(principal)

    def _read(self, token: str) -> _Remembered:
        began = self._clock.steady()
        state = self._store.find(digest(token))
        if state is None:
            raise TokenInvalid
        if not state.user_active:
            raise UserInactive
        if (noted := self._used.get(state.id.int)) is not None:  # a use that is not written yet
            state = replace(state, last_used_at=max(noted, state.last_used_at or 0.0))
        if state.now >= state.ends_at:
            raise TokenExpired
        # This is a use too. The row is read again before the idle end, and then tells of the uses in between.
        remember = self._remember if state.idle_lifetime is None else min(self._remember, state.idle_lifetime)
        principal = self._principal(replace(state, last_used_at=state.now))
        remembered = _Remembered(principal, until=began + remember)
        self._seen.put(token, remembered)
        return remembered

    def _principal(self, state: ApiTokenState) -> Principal:
        claims = dict(self._claims_for(state.user, None))
        refuse_registered(claims)
        return Principal(
            user_id=state.subject,
            method=METHOD,
            token_id=state.id,
            epoch=state.epoch,
            scopes=frozenset(state.scope.split()),
            issued_at=state.created_at,
            expires_at=state.ends_at,
            credential=state.id.int,
            payload=claims_to_json(claims),
        )


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME or _UNPRINTABLE.search(name):
        raise ValueError(f"A token's name has 1 to {MAX_NAME} printable characters.")


def _check_lifetime(what: str, seconds: float | None, least: float) -> None:
    if seconds is not None and not (math.isfinite(seconds) and least <= seconds <= MAX_LIFETIME):
        raise ValueError(f"The {what} of a token is {least:.0f} to {MAX_LIFETIME:.0f} seconds.")
