"""Recognising a public (or private) key that was put where a secret belongs.

Whoever knows the public key could sign with it then (CVE-2022-29217, CVE-2024-33663).
"""

from binascii import Error, a2b_base64

import msgspec

# Those of SSH are also in its binary form, which begins with the name of the key type (RFC 4253 section 6.6).
_MARKS = (
    b"-----BEGIN ",
    b"---- BEGIN ",
    b"ssh-rsa",
    b"ssh-dss",
    b"ssh-ed25519",
    b"ecdsa-sha2-",
    b"sk-ssh-",
    b"sk-ecdsa-",
)
_ASN1_SEQUENCE = b"\x30"


def looks_asymmetric(secret: bytes) -> bool:
    """Whether `secret` is a PEM, SSH, JWK or DER key or certificate, or Base64 of one."""
    return _is_key(secret) or any(_is_key(decoded) for decoded in _base64_readings(secret))


def _is_key(data: bytes) -> bool:
    return any(mark in data for mark in _MARKS) or _is_jwk(data) or _is_der(data)


def _is_jwk(data: bytes) -> bool:
    """A JWK or a JWK set; a symmetric one too, since its text is not the key."""
    try:
        content = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and ("kty" in content or "keys" in content)


def _is_der(data: bytes) -> bool:
    if not data.startswith(_ASN1_SEQUENCE):
        return False
    from .key_files import is_der

    return is_der(data)


def _base64_readings(secret: bytes) -> list[bytes]:
    """What `secret` says when it is read as Base64 in either alphabet, with or without line breaks and padding."""
    text = b"".join(secret.split()).rstrip(b"=")
    padded = text.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(text) % 4)
    try:
        return [a2b_base64(padded, strict_mode=True)]
    except Error:
        return []
