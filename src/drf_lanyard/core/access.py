"""Access tokens: the one door. Compact JWS (RFC 7515) of type `at+jwt` with the claims of RFC 7519.

The order inside is the defence: size, form, key, signature, and only then the first byte of JSON.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec

from . import base64url
from .counts import counts
from .errors import ConfigurationError, TokenExpired, TokenInvalid, TokenMalformed, TokenStale
from .generations import Generations
from .keys import KeyRing
from .model import REGISTERED_CLAIMS, Principal

#: Characters. Checked before anything else is done with a token.
MAX_TOKEN_LENGTH = 8192

# 2**53 is the largest integer that every JSON reader keeps exact (RFC 8259 section 6).
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class _Payload(msgspec.Struct, frozen=True):
    """The claims that every token of ours has; a project's own are left in the text."""

    iss: str
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    aud: str
    iat: _Seconds
    exp: _Seconds
    jti: str
    sid: UUID
    epoch: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Known(msgspec.Struct):
    """A token that was found genuine; it may have expired since, or have been revoked."""

    principal: Principal
    #: The principal's user as the edge identifies users: what can be a key, and so does not change. It fills this in.
    user_key: Any = None


class AccessTokens:
    """Mints and verifies the access tokens of one issuer for one audience.

    `lifetime` and `leeway` are in seconds. Up to `cache_size` verified tokens are remembered; everything here
    is immutable, so new keys or a new policy are a new instance with an empty memory.
    """

    def __init__(
        self, keys: KeyRing, *, issuer: str, audience: str, lifetime: float, leeway: float, cache_size: int = 10_000
    ) -> None:
        """Raises ConfigurationError for a lifetime below one second or a negative leeway."""
        if lifetime < 1 or leeway < 0:
            raise ConfigurationError("An access token lives at least one second, and the leeway is not negative.")
        self._keys = keys
        self._header = keys.header(keys.signing)
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._leeway = leeway
        self._decode = msgspec.json.Decoder(_Payload).decode
        self.known: Generations[Known] = Generations(cache_size)

    def mint(
        self,
        *,
        subject: str,
        session_id: UUID,
        epoch: int,
        now: float,
        claims: Mapping[str, object] = {},
        at_most: float | None = None,
    ) -> str:
        """A token that expires `lifetime` seconds after `now` (Unix seconds), or `at_most` seconds if that is less.

        `now` must come from before the first read that `epoch` and `claims` derive from.
        Raises ConfigurationError if `claims` has a registered name or is not JSON, or if the token would
        not get through `verify`: too long, or a subject that is empty, over 255 characters or has a NUL.
        """
        refuse_registered(claims)
        payload = claims_to_json(
            {
                "iss": self._issuer,
                "sub": subject,
                "aud": self._audience,
                "iat": int(now),
                "exp": int(now) + int(self._lifetime if at_most is None else min(self._lifetime, at_most)),
                "jti": base64url.encode(secrets.token_bytes(16)).decode(),
                "sid": str(session_id),
                "epoch": epoch,
                **claims,
            }
        )
        self._check_minted(payload)
        signing_input = f"{self._header}.{base64url.encode(payload).decode()}"
        signature = self._keys.signing.sign(signing_input.encode())
        token = f"{signing_input}.{base64url.encode(signature).decode()}"
        if len(token) > MAX_TOKEN_LENGTH:
            raise ConfigurationError(f"The access token would have {len(token)} characters; {MAX_TOKEN_LENGTH} fit.")
        return token

    def verify(self, token: str, now: float, *, allow_expired: bool = False) -> Principal:
        """Who `token` stands for at `now` (Unix seconds). Revocation is not looked at here.

        With `allow_expired` nothing about time is checked: enough to tell which session to end, never to let in.
        Raises TokenMalformed, TokenInvalid, TokenExpired or TokenStale, and nothing else whatever `token` is.
        """
        if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH:
            raise TokenMalformed
        known = self.known.get(token)
        if known is not None:
            principal = known.principal
            if now < principal.expires_at + self._leeway or allow_expired:
                return principal
            raise TokenExpired
        principal = self._open(token)
        if not allow_expired:
            self._check_times(principal, now)
            self.known.put(token, Known(principal))
            counts.jwt_misses += 1
        return principal

    def _open(self, token: str) -> Principal:
        """First sight: form, key, signature, claims."""
        signing_input, _, signature = token.rpartition(".")
        header, dot, payload = signing_input.partition(".")
        if not dot or "." in payload or not token.isascii():
            raise TokenMalformed
        key = self._keys.find(header)
        if key is None or not key.verify_text(signing_input.encode(), signature.encode()):
            raise TokenInvalid
        return self._principal(payload)

    def _principal(self, segment: str) -> Principal:
        """Read a payload that is signed; what does not fit was signed by a key of ours, but not by this code."""
        try:
            payload = base64url.decode(segment.encode())
            claims = self._decode(payload)
        # ValueError: bad base64url, bad UTF-8, bad JSON, wrong types. RecursionError is not one of them.
        except (ValueError, RecursionError):
            raise TokenMalformed from None
        if "\0" in claims.sub:  # a database would raise on it
            raise TokenMalformed
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise TokenInvalid
        return Principal(
            user_id=claims.sub,
            method="jwt",
            session_id=claims.sid,
            epoch=claims.epoch,
            issued_at=float(claims.iat),
            expires_at=float(claims.exp),
            credential=claims.sid.int,
            payload=payload,
        )

    def _check_times(self, principal: Principal, now: float) -> None:
        """Written so that a clock which is not a number lets nothing through."""
        if not now < principal.expires_at + self._leeway:
            raise TokenExpired
        # Two cases where a refresh tells the truth and nobody needs to sign in again:
        # the policy became shorter, or the clock of another server is ahead.
        if principal.expires_at - principal.issued_at > self._lifetime or principal.issued_at > now + self._leeway:
            raise TokenStale

    def _check_minted(self, payload: bytes) -> None:
        """Never mint what the door would refuse, or what `Principal.claims` could not read."""
        try:
            claims = self._decode(payload)
            msgspec.json.decode(payload)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"The access token's claims cannot be read back: {error}") from None
        if "\0" in claims.sub:
            raise ConfigurationError("The subject of an access token has a NUL character.")


def refuse_registered(claims: Mapping[str, object]) -> None:
    """Raises ConfigurationError for a claim of the project's that has a name with a meaning of its own."""
    clash = sorted(REGISTERED_CLAIMS.intersection(claims))
    if clash:
        raise ConfigurationError(f"A claim may not be named {', '.join(clash)}: the name is registered.")


def claims_to_json(claims: dict[str, object]) -> bytes:
    """Strict JSON (RFC 8259): no NaN, no dates, no sets, text keys only. Raises ConfigurationError otherwise."""
    try:
        if not all(isinstance(name, str) for name in claims):
            raise TypeError("names are text")
        return _to_json(claims).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"The access token's claims are not JSON: {error}") from None
