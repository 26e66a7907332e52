"""Refresh tokens, and the table that decides what becomes of one.

A token is the fixed-width text `lrt_` + base64url(key id, session id, counter, MAC). The MAC is keyed by a server key
and covers the session's own secret, so that neither a leaked database nor a leaked key alone can forge one, and
the token for any counter can be derived again (nothing needs to be stored). Rotation and reuse detection follow
RFC 9700 section 4.14.2.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from .errors import (
    AuthError,
    ConfigurationError,
    RefreshReused,
    SessionExpired,
    TokenMalformed,
    TokenRevoked,
    UserInactive,
)
from .mac import HMACS
from .model import SessionState
from .policy import Policy

PREFIX = "lrt_"
_LAYOUT = struct.Struct(">4s16sQ32s")  # 60 bytes are 80 characters without stray bits: one spelling per token
_LENGTH = len(PREFIX) + _LAYOUT.size // 3 * 4
_COUNTER = struct.Struct(">Q")
MAX_COUNTER = 2**63 - 1
_HS256 = HMACS["HS256"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A refresh token taken apart; nothing about it has been verified."""

    key_id: bytes
    session_id: UUID
    counter: int
    mac: bytes = field(repr=False)


class RefreshTokens:
    """Derives and checks refresh tokens. The first server secret derives; all are accepted."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or any(len(secret) < 32 for secret in secrets):
            raise ConfigurationError("Refresh tokens need server secrets of at least 32 bytes.")
        keys = [hmac.digest(secret, b"drf-lanyard refresh token", "sha256") for secret in secrets]
        self._macs = {hmac.digest(key, b"key id", "sha256")[:4]: _HS256.bind(key).sign for key in reversed(keys)}
        self._current = hmac.digest(keys[0], b"key id", "sha256")[:4]

    def derive(self, session_id: UUID, secret: str, counter: int) -> str:
        """The token of a session for one counter."""
        mac = self._mac(self._current, session_id, secret, counter)
        return PREFIX + base64.urlsafe_b64encode(_LAYOUT.pack(self._current, session_id.bytes, counter, mac)).decode()

    def parse(self, token: str) -> Presented:
        """Take a token apart. Raises `TokenMalformed`."""
        if len(token) != _LENGTH or not token.startswith(PREFIX) or not token.isascii():
            raise TokenMalformed
        try:
            raw = binascii.a2b_base64(token[len(PREFIX) :].translate(_STANDARD_ALPHABET), strict_mode=True)
        except binascii.Error:
            raise TokenMalformed from None
        if len(raw) != _LAYOUT.size:
            raise TokenMalformed
        key_id, session_id, counter, mac = _LAYOUT.unpack(raw)
        return Presented(key_id=key_id, session_id=UUID(bytes=session_id), counter=counter, mac=mac)

    def is_genuine(self, presented: Presented, secret: str) -> bool:
        """Whether one of our keys made this token for a session with this secret."""
        if presented.key_id not in self._macs or presented.counter > MAX_COUNTER:
            return False
        expected = self._mac(presented.key_id, presented.session_id, secret, presented.counter)
        return hmac.compare_digest(expected, presented.mac)

    def _mac(self, key_id: bytes, session_id: UUID, secret: str, counter: int) -> bytes:
        mac = self._macs[key_id]
        assert mac is not None  # only public keys have none
        return mac(session_id.bytes + _COUNTER.pack(counter) + secret.encode())


# "+" and "/" are not of our alphabet: they become something that the strict decoder refuses.
_STANDARD_ALPHABET = str.maketrans("-_+/", "+/!!")


def digest_idempotency_key(key: str | None) -> str:
    """SHA-256 of a client's `Idempotency-Key`, as stored; "" for none."""
    return hashlib.sha256(key.encode()).hexdigest() if key else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a genuine refresh token.

    `deny`: answer `error`, and end the session if `ends_session`. `repeat`: answer the token of the session's present
    counter and write nothing. `rotate`: compare-and-swap to `counter`, and decide again if the swap is lost.
    """

    action: Literal["deny", "repeat", "rotate"]
    error: type[AuthError] | None = None
    ends_session: bool = False
    counter: int = 0


REPEAT = Decision(action="repeat")


def decide(state: SessionState, presented: int, idempotency: str, policy: Policy) -> Decision:
    """The lifecycle table; rows in order, the first that matches wins. Pure: nothing changes here.

    `presented` is the counter of a token whose MAC was good; `idempotency` a digest or "".
    """
    if (refusal := _refusal(state)) is not None:
        return refusal
    # By the database's clock. One that was set back further than the grace must not prolong it.
    in_grace = abs(state.now - state.rotated_at) < policy.refresh_grace
    if presented == state.counter:
        return REPEAT if in_grace else Decision(action="rotate", counter=state.counter + 1)
    if presented > state.counter:  # genuine, yet from the future: the database was restored from a backup
        return Decision(action="rotate", counter=presented + 1)
    if presented == state.counter - 1 and (in_grace or (idempotency != "" and idempotency == state.idempotency)):
        return REPEAT
    return Decision(action="deny", error=RefreshReused, ends_session=True)


def _refusal(state: SessionState) -> Decision | None:
    if state.revoked_at is not None:
        return Decision(action="deny", error=TokenRevoked)
    if not state.user_active:
        return Decision(action="deny", error=UserInactive, ends_session=True)
    if state.auth_hash not in state.user_auth_hashes:
        return Decision(action="deny", error=TokenRevoked, ends_session=True)
    ends = [state.idle_expires_at, *([] if state.absolute_expires_at is None else [state.absolute_expires_at])]
    if state.now >= min(ends):
        return Decision(action="deny", error=SessionExpired)
    return None
