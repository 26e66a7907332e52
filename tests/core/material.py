"""Keys of every algorithm, a door for each, and tokens that our own key signs whatever they say."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from drf_lanyard.core import base64url
from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.algorithms import ALGORITHMS
from drf_lanyard.core.keys import Key, KeyRing

NOW = 1_800_000_000.5
ISSUER = "https://api.example.org"
AUDIENCE = "https://api.example.org/v1"
SESSION = UUID("0199a3c4-5d1e-7b60-8f2a-9d0e4b7c1a55")
SECRET = bytes(range(64))

HMACS = ["HS256", "HS384", "HS512"]
ASYMMETRIC = [name for name in ALGORITHMS if name not in HMACS]
CURVES: Mapping[str, type[ec.EllipticCurve]] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
#: One algorithm of each family.
FAMILIES = ["HS256", "RS256", "PS256", "ES256", "EdDSA"]


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def private_key(algorithm: str) -> Any:
    """The private key that belongs to an asymmetric algorithm; the RSA ones share theirs."""
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    return ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else rsa_key()


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return pem


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


@cache
def signing_key(algorithm: str) -> Key:
    if algorithm in HMACS:
        return Key.from_secret(SECRET, algorithm)
    return Key.from_pem(private_pem(private_key(algorithm)), algorithm, kid=f"{algorithm}-1")


def verifying_key(algorithm: str) -> Key:
    """What a verifier has: the same secret, or only the public key."""
    if algorithm in HMACS:
        return signing_key(algorithm)
    return Key.from_pem(public_pem(private_key(algorithm)), algorithm, kid=f"{algorithm}-1")


def door(*keys: Key, **options: Any) -> AccessTokens:
    """A door whose first key signs; HS256 when none is given."""
    signing, *accepted = keys or (signing_key("HS256"),)
    settings: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "lifetime": 300, "leeway": 5} | options
    return AccessTokens(KeyRing(signing, accepted), **settings)


def mint(tokens: AccessTokens, **changes: Any) -> str:
    values: dict[str, Any] = {"subject": "42", "session_id": SESSION, "epoch": 3, "now": NOW}
    return tokens.mint(**(values | changes))


#: The registered claims of a good token at NOW, as JSON texts so that a test can put anything in their place.
CLAIMS: Mapping[str, str] = {
    "iss": f'"{ISSUER}"',
    "sub": '"42"',
    "aud": f'"{AUDIENCE}"',
    "iat": str(int(NOW)),
    "exp": str(int(NOW) + 300),
    "jti": '"AAAAAAAAAAAAAAAAAAAAAA"',
    "sid": f'"{SESSION}"',
    "epoch": "3",
}


def payload(**changes: str | None) -> str:
    """CLAIMS as one JSON text with some values replaced by a JSON text, or left out by None."""
    claims = {**CLAIMS, **changes}
    return "{" + ",".join(f'"{name}":{value}' for name, value in claims.items() if value is not None) + "}"


def sign(content: str | bytes, key: Key | None = None, header: str | None = None) -> str:
    """A token with any payload, properly signed; `header` is a whole segment, else the one that we mint."""
    key = key or signing_key("HS256")
    raw = content.encode() if isinstance(content, str) else content
    signing_input = f"{KeyRing.header(key) if header is None else header}.{segment(raw)}"
    return f"{signing_input}.{segment(key.sign(signing_input.encode()))}"


def segment(raw: bytes) -> str:
    return base64url.encode(raw).decode()
