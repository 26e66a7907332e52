"""Keys, each bound to one algorithm, and the ring of those that a process knows.

The ring finds a key by the whole header segment of a token, compared as an opaque string with the
headers that we mint ourselves. Nothing of a header that somebody sent is ever parsed, so a token
cannot choose its algorithm, bring its own key or point at one (RFC 8725 sections 3.1 and 3.10).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

import msgspec

from . import base64url
from .errors import ConfigurationError
from .key_material import looks_asymmetric
from .mac import HMACS, Algorithm, Bound

MAX_KID_LENGTH = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Key:
    """A key that signs or verifies with exactly one algorithm. Make one with `from_secret` or `from_pem`."""

    kid: str
    algorithm: str
    _bound: Bound = field(repr=False)

    @classmethod
    def from_secret(cls, secret: bytes | str, algorithm: str = "HS256", kid: str | None = None) -> Self:
        """An HMAC key. A `str` is taken as UTF-8; the secret has at least as many bytes as the hash.

        Raises ConfigurationError for a secret that is too short, or is really an asymmetric key:
        a public key as a secret lets everybody sign.
        """
        raw = secret.encode() if isinstance(secret, str) else secret
        if not isinstance(raw, bytes):
            raise ConfigurationError("A signing secret is text or bytes.")
        if looks_asymmetric(raw):
            raise ConfigurationError("This secret is a public or private key or a certificate; use Key.from_pem().")
        bound = _algorithm(algorithm).bind(raw)
        return cls(kid=_checked(_secret_id(raw, algorithm) if kid is None else kid), algorithm=algorithm, _bound=bound)

    @classmethod
    def from_pem(
        cls, pem: bytes | str, algorithm: str, kid: str | None = None, password: bytes | str | None = None
    ) -> Self:
        """A private or public key in PEM. A public one verifies only.

        Raises ConfigurationError for what cannot be read, or does not fit the algorithm.
        """
        from .key_files import load_pem

        chosen = _algorithm(algorithm)
        bound = chosen.bind(load_pem(pem, password))
        return cls(kid=_checked(_thumbprint(bound) if kid is None else kid), algorithm=algorithm, _bound=bound)

    @property
    def can_sign(self) -> bool:
        return self._bound.sign is not None

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`, in the form of RFC 7518 section 3. Raises ConfigurationError for a public key."""
        if self._bound.sign is None:
            raise ConfigurationError(f"The key {self.kid!r} is public and cannot sign.")
        return self._bound.sign(data)

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether `signature` (raw bytes) is genuine by RFC 7518 section 3, in any of its forms. Never raises."""
        return self._bound.verify(data, signature)

    @property
    def verify_text(self) -> Callable[[bytes, bytes], bool]:
        """(data, base64url signature) -> whether it is genuine and in the one spelling that we mint. Never raises."""
        return self._bound.verify_text

    def public_jwk(self) -> dict[str, str] | None:
        """The public key as a JWK (RFC 7517 section 4); None for a secret."""
        if self._bound.jwk is None:
            return None
        return {**self._bound.jwk, "kid": self.kid, "alg": self.algorithm, "use": "sig"}


class KeyRing:
    """One key that signs and any number that are accepted. Immutable: new keys are a new ring."""

    def __init__(self, signing: Key, accepted: Iterable[Key] = ()) -> None:
        """Raises ConfigurationError if `signing` cannot sign or two keys have one `kid`."""
        if not signing.can_sign:
            raise ConfigurationError(f"The signing key {signing.kid!r} is public and cannot sign.")
        self.signing = signing
        self.keys: tuple[Key, ...] = (signing, *accepted)
        _refuse_duplicates(self.keys)
        by_header = {self.header(key): key for key in self.keys}
        self.find: Callable[[str], Key | None] = by_header.get

    @staticmethod
    def header(key: Key) -> str:
        """The header segment of every token signed with `key`. Neighbouring versions must agree on each byte."""
        content = msgspec.json.encode({"alg": key.algorithm, "kid": key.kid, "typ": "at+jwt"})
        return base64url.encode(content).decode()

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517 section 5). Secrets are left out."""
        return {"keys": [jwk for key in self.keys if (jwk := key.public_jwk())]}


def _refuse_duplicates(keys: tuple[Key, ...]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key.kid in seen:
            raise ConfigurationError(f"Two keys have the id {key.kid!r}.")
        seen.add(key.kid)


def _algorithm(name: str) -> Algorithm:
    if isinstance(name, str) and name in HMACS:
        return HMACS[name]
    from .algorithms import ALGORITHMS

    try:
        return ALGORITHMS[name]
    except (KeyError, TypeError):
        raise ConfigurationError(f"Unknown algorithm {name!r}; choose one of {', '.join(ALGORITHMS)}.") from None


def _thumbprint(bound: Bound) -> str:
    """RFC 7638: SHA-256 of the required members in lexical order, without white space."""
    if bound.jwk is None:
        raise ConfigurationError("A secret has no thumbprint.")
    return base64url.encode(hashlib.sha256(msgspec.json.encode(dict(sorted(bound.jwk.items())))).digest()).decode()


def _secret_id(secret: bytes, algorithm: str) -> str:
    """A short id that tells nothing of the secret. The spaces keep it apart from any signed token."""
    mac = hmac.digest(secret, f"drf lanyard key id {algorithm}".encode(), "sha256")
    return base64url.encode(mac[:12]).decode()


def _checked(kid: str) -> str:
    if not isinstance(kid, str) or not 1 <= len(kid) <= MAX_KID_LENGTH or not (kid.isascii() and kid.isprintable()):
        raise ConfigurationError(f"A key id is 1 to {MAX_KID_LENGTH} printable ASCII characters.")
    return kid
