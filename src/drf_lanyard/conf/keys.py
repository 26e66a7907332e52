"""Key rings from `SIGNING_KEYS`, or from Django's SECRET_KEY."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings as django_settings

from ..core.errors import ConfigurationError
from ..core.keys import Key, KeyRing
from .values import BadValue

KEY_BYTES = 32
_HINT = (
    'Write [{"algorithm": "ES256", "key": PEM_TEXT}]; the first signs, the rest are accepted. "kid" and "password" are '
    "optional; a secret for HS256 has at least 32 bytes."
)
#: An entry that stands for the keys derived from SECRET_KEY: accepted for a while after another key has taken over.
DERIVED = "SECRET_KEY"
_REQUIRED = {"algorithm", "key"}
_ALLOWED = _REQUIRED | {"kid", "password"}


def signing_keys(value: Any) -> KeyRing | None:
    """The ring of the listed keys, or None for an empty list: then it is derived from SECRET_KEY."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise BadValue("must be a list of dictionaries.", _HINT, "key")
    if not value:
        return None
    keys = [key for index, entry in enumerate(value) for key in _keys(entry, f"[{index}]")]
    try:
        return KeyRing(keys[0], keys[1:])
    except ConfigurationError as error:
        raise BadValue(f"cannot be used: {error}", _HINT, "key") from None


def _keys(entry: Any, where: str) -> Sequence[Key]:
    if entry == DERIVED:
        return derived_key_ring((django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)).keys
    return [_key(entry, where)]


def _key(entry: Any, where: str) -> Key:
    """One key. The messages of the core say what does not fit without quoting the key."""
    if not isinstance(entry, Mapping) or not _REQUIRED <= set(entry) <= _ALLOWED:
        raise BadValue(f"{where} must have an algorithm and a key, and nothing unknown.", _HINT, "key")
    if not isinstance(entry["key"], str | bytes) or not isinstance(entry.get("password"), str | bytes | None):
        raise BadValue(f"{where} must have a key of text or bytes.", _HINT, "key")
    try:
        algorithm, kid = entry["algorithm"], entry.get("kid")
        if isinstance(algorithm, str) and algorithm.startswith("HS"):
            return Key.from_secret(entry["key"], algorithm, kid)
        return Key.from_pem(entry["key"], algorithm, kid, entry.get("password"))
    except ConfigurationError as error:
        raise BadValue(f"{where} cannot be used: {error}", _HINT, "key") from None


def derived_key_ring(secrets: Sequence[str | bytes]) -> KeyRing:
    """HS256 keys out of SECRET_KEY (first: it signs) and SECRET_KEY_FALLBACKS (accepted)."""
    keys = [Key.from_secret(secret) for secret in _derived(secrets, b"access token signing key")]
    return KeyRing(keys[0], keys[1:])


def refresh_secrets(secrets: Sequence[str | bytes]) -> tuple[bytes, ...]:
    """What refresh tokens are derived from, 32 bytes each, in the order of `secrets`."""
    return _derived(secrets, b"refresh token secret")


def push_keys(secrets: Sequence[str | bytes], issuer: str) -> tuple[bytes, ...]:
    """What pushed messages are signed with, 32 bytes each: other projects may use the same Redis."""
    return _derived(secrets, b"push messages of " + issuer.encode())


def _derived(secrets: Sequence[str | bytes], purpose: bytes) -> tuple[bytes, ...]:
    """One key for each secret; the purpose is in it: no key of ours equals another, or one of Django's signers."""
    return tuple(hkdf(secret, b"drf-lanyard v1 " + purpose) for secret in dict.fromkeys(map(_bytes, secrets)))


def hkdf(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) without a salt. Its 32 bytes are one block, so nothing is counted."""
    extracted = hmac.digest(bytes(KEY_BYTES), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def _bytes(secret: str | bytes) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret
