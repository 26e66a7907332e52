"""API tokens: `lan_` + 40 random characters + a checksum, so that garbage is refused without a query and secret
scanners can tell a leaked token from noise. Only the SHA-256 digest is stored: 238 random bits need no slow hash.
"""

import hashlib
import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BODY = 40
_CHECKSUM = 6  # 62**6 exceeds 2**32


class ApiTokens:
    """Makes and recognises tokens with one prefix (ASCII letters, digits and underscores, ending in an underscore)."""

    def __init__(self, prefix: str = "lan_") -> None:
        self.prefix = prefix
        self._length = len(prefix) + _BODY + _CHECKSUM

    def mint(self) -> str:
        """A new token. Show it once; store its digest."""
        body = self.prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_BODY))
        return body + _checksum(body)

    def looks_like_one(self, text: str) -> bool:
        """Whether the text claims to be one of ours, by its prefix."""
        return text.startswith(self.prefix)

    def is_well_formed(self, text: str) -> bool:
        """Whether prefix, length, alphabet and checksum fit. Says nothing about whether the token exists."""
        if len(text) != self._length or not text.startswith(self.prefix) or not text.isascii():
            return False
        body, checksum = text[:-_CHECKSUM], text[-_CHECKSUM:]
        return body[len(self.prefix) :].isalnum() and _checksum(body) == checksum


def digest(token: str) -> str:
    """What is stored: SHA-256, as 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    """CRC-32 in base 62."""
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, remainder = divmod(number, len(_ALPHABET))
        text = _ALPHABET[remainder] + text
    return text
