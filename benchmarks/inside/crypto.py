"""Verifying and minting one token per algorithm, with our door, PyJWT, joserfc, and the bare primitive."""

import base64
import hmac
import json
import time
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import joserfc.jwk
import joserfc.jwt
import jwt
import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.keys import Key, KeyRing

warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # the name, and all three know it

Work = Callable[[], Any]
SECRET = bytes(range(64))
ALGORITHMS = ("HS256", "RS256", "PS256", "ES256", "EdDSA")


def works(algorithm: str) -> tuple[dict[str, Work], dict[str, Work]]:
    """What verifies the same token, and what mints it, by name."""
    private: Any = _PRIVATE[algorithm]()
    public = private if algorithm == "HS256" else private.public_key()
    ring = KeyRing(_key(algorithm, private))
    # cache_size=0: every sight is the first one.
    door = AccessTokens(ring, issuer="bench", audience="bench", lifetime=300, leeway=5, cache_size=0)
    now, sid = time.time(), uuid.uuid4()
    token = door.mint(subject="1", session_id=sid, epoch=0, now=now)
    claims = json.loads(_decode(token.split(".")[1]))
    jwk = _jwk(algorithm, private)
    names = {"algorithms": [algorithm], "issuer": "bench", "audience": "bench"}
    registry = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": "bench"}, aud={"essential": True, "value": "bench"}
    )

    def with_joserfc() -> Any:
        found = joserfc.jwt.decode(token, jwk, algorithms=[algorithm])
        registry.validate(found.claims)
        return found

    verify: dict[str, Work] = {
        "drf-lanyard": lambda: door.verify(token, now),
        "PyJWT": lambda: jwt.decode(token, public, **names),
        "joserfc": with_joserfc,
        **_limits(algorithm, token, public),
    }
    header = {"alg": algorithm, "typ": "at+jwt", "kid": "k"}
    mint: dict[str, Work] = {
        "drf-lanyard": lambda: door.mint(subject="1", session_id=sid, epoch=0, now=now),
        "PyJWT": lambda: jwt.encode(claims, private, algorithm=algorithm, headers={"typ": "at+jwt", "kid": "k"}),
        "joserfc": lambda: joserfc.jwt.encode(header, claims, jwk, algorithms=[algorithm]),
        "bare primitive": _signer(algorithm, private, token.rpartition(".")[0].encode()),
    }
    _check(token, verify)
    return verify, mint


def _check(token: str, verify: dict[str, Work]) -> None:
    """All accept the token (they raise otherwise)."""
    for work in verify.values():
        work()


def time_one(algorithm: str, kind: str, name: str, count: int) -> float:
    """Microseconds per operation."""
    work = _prepared(algorithm)[kind == "mint"][name]
    for _ in range(max(2, count // 20)):
        work()
    began = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - began) / count * 1e6


_works: dict[str, tuple[dict[str, Work], dict[str, Work]]] = {}


def _prepared(algorithm: str) -> tuple[dict[str, Work], dict[str, Work]]:
    if algorithm not in _works:
        _works[algorithm] = works(algorithm)
    return _works[algorithm]


def names(algorithm: str) -> dict[str, list[str]]:
    verify, mint = _prepared(algorithm)
    return {"verify": list(verify), "mint": list(mint)}


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _limits(algorithm: str, token: str, public: Any) -> dict[str, Work]:
    """The least that any implementation has to do: the primitive; for HS256 also with one JSON decode."""
    text, _, signature = token.rpartition(".")
    signed, mac, payload = text.encode(), _decode(signature), _decode(token.split(".")[1])
    if algorithm == "HS256":
        decode = msgspec.json.decode
        return {
            "hmac.digest": lambda: hmac.digest(SECRET, signed, "sha256"),
            "hmac.digest + one JSON decode (msgspec)": lambda: (hmac.digest(SECRET, signed, "sha256"), decode(payload)),
            "hmac.digest + one JSON decode (json)": lambda: (
                hmac.digest(SECRET, signed, "sha256"),
                json.loads(payload),
            ),
        }
    if algorithm == "ES256":
        half = len(mac) // 2
        der = encode_dss_signature(int.from_bytes(mac[:half], "big"), int.from_bytes(mac[half:], "big"))
        return {"bare primitive": lambda: public.verify(der, signed, ec.ECDSA(hashes.SHA256()))}
    if algorithm == "EdDSA":
        return {"bare primitive": lambda: public.verify(mac, signed)}
    how = _padding(algorithm)
    return {"bare primitive": lambda: public.verify(mac, signed, how, hashes.SHA256())}


def _signer(algorithm: str, private: Any, text: bytes) -> Work:
    if algorithm == "HS256":
        return lambda: hmac.digest(SECRET, text, "sha256")
    if algorithm == "ES256":
        return lambda: private.sign(text, ec.ECDSA(hashes.SHA256()))
    if algorithm == "EdDSA":
        return lambda: private.sign(text)
    how = _padding(algorithm)
    return lambda: private.sign(text, how, hashes.SHA256())


def _padding(algorithm: str) -> Any:
    return padding.PKCS1v15() if algorithm == "RS256" else padding.PSS(padding.MGF1(hashes.SHA256()), 32)


_PRIVATE: dict[str, Callable[[], Any]] = {
    "HS256": lambda: SECRET,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def _jwk(algorithm: str, private: Any) -> Any:
    kinds = {"HS256": joserfc.jwk.OctKey, "ES256": joserfc.jwk.ECKey, "EdDSA": joserfc.jwk.OKPKey}
    return kinds.get(algorithm, joserfc.jwk.RSAKey).import_key(private)


def _key(algorithm: str, private: Any) -> Key:
    if algorithm == "HS256":
        return Key.from_secret(private, kid="k")
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return Key.from_pem(private.private_bytes(encoding, form, serialization.NoEncryption()), algorithm, kid="k")
