"""Ids. Sessions get version 7 UUIDs (RFC 9562 section 5.7): random, yet inserted at the end of an index."""

import secrets
from uuid import UUID

_RANDOM_BITS = 74


def uuid7(now: float) -> UUID:
    """A UUID that starts with `now` (Unix seconds) in milliseconds and ends with 74 random bits."""
    random = secrets.randbits(_RANDOM_BITS)
    milliseconds = int(now * 1000) & (2**48 - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (2**62 - 1))


def log_uid() -> int:
    """A random id for an entry of the revocation log: 63 bits, never 0."""
    return secrets.randbits(62) + 1
