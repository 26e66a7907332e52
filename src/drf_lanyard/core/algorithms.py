"""The one table of signature algorithms (RFC 7518 section 3, RFC 8037 section 3.1), and those with a key pair.

Importing `cryptography` is most of what the library would cost at start-up, so whoever may do with a shared
secret imports this where a key pair is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import base64url
from .mac import HMACS, Algorithm, Bound

MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Rsa(Algorithm):
    """RFC 7518 sections 3.3 (PKCS #1 v1.5) and 3.5 (PSS with a salt as long as the hash)."""

    hash: hashes.HashAlgorithm
    padding: padding.AsymmetricPadding

    def bind(self, key: object) -> Bound:
        private = key if isinstance(key, rsa.RSAPrivateKey) else None
        public = private.public_key() if private else key
        if not isinstance(public, rsa.RSAPublicKey):
            raise self._refuse("an RSA key")
        if public.key_size < MIN_RSA_BITS:
            raise self._refuse(f"an RSA key of at least {MIN_RSA_BITS} bits; this one has {public.key_size}")

        def check(data: bytes, signature: bytes) -> None:
            public.verify(signature, data, self.padding, self.hash)

        numbers = public.public_numbers()
        return _asymmetric(
            sign=(lambda data: private.sign(data, self.padding, self.hash)) if private else None,
            check=check,
            jwk={"kty": "RSA", "n": _uint(numbers.n), "e": _uint(numbers.e)},
        )


@dataclass(frozen=True, slots=True)
class Ecdsa(Algorithm):
    """RFC 7518 section 3.4: the signature is r || s, each as wide as the curve.

    (r, s) and (r, order - s) are both genuine. The smaller s is the one spelling that a token of ours has.
    """

    hash: hashes.HashAlgorithm
    curve: ec.EllipticCurve
    curve_name: str
    order: int

    def bind(self, key: object) -> Bound:
        private = key if isinstance(key, ec.EllipticCurvePrivateKey) else None
        public = private.public_key() if private else key
        if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != self.curve.name:
            raise self._refuse(f"a key on the curve {self.curve_name}")
        width = (self.curve.key_size + 7) // 8
        scheme = ec.ECDSA(self.hash)
        half = self.order // 2

        def check(data: bytes, signature: bytes) -> None:
            if len(signature) != 2 * width:
                raise InvalidSignature
            r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
            public.verify(encode_dss_signature(r, s), data, scheme)

        def sign(private: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
            r, s = decode_dss_signature(private.sign(data, scheme))
            return r.to_bytes(width) + min(s, self.order - s).to_bytes(width)

        point = public.public_numbers()
        return _asymmetric(
            sign=(lambda data: sign(private, data)) if private else None,
            check=check,
            canonical=lambda signature: int.from_bytes(signature[width:]) <= half,
            jwk={"kty": "EC", "crv": self.curve_name, "x": _uint(point.x, width), "y": _uint(point.y, width)},
        )


@dataclass(frozen=True, slots=True)
class EdDsa(Algorithm):
    """RFC 8037 section 3.1, with Ed25519."""

    def bind(self, key: object) -> Bound:
        private = key if isinstance(key, ed25519.Ed25519PrivateKey) else None
        public = private.public_key() if private else key
        if not isinstance(public, ed25519.Ed25519PublicKey):
            raise self._refuse("an Ed25519 key")
        point = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _asymmetric(
            sign=private.sign if private else None,
            check=lambda data, signature: public.verify(signature, data),
            jwk={"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(point).decode()},
        )


def _asymmetric(
    *,
    sign: Callable[[bytes], bytes] | None,
    check: Callable[[bytes, bytes], None],
    jwk: dict[str, str],
    canonical: Callable[[bytes], bool] = lambda signature: True,
) -> Bound:
    """`check` raises InvalidSignature if it is not genuine; `canonical` refuses the twin of one that is."""

    def verify(data: bytes, signature: bytes) -> bool:
        try:
            check(data, signature)
        except InvalidSignature:
            return False
        return True

    def verify_text(data: bytes, signature: bytes) -> bool:
        try:
            raw = base64url.decode_canonical(signature)
        except ValueError:
            return False
        return canonical(raw) and verify(data, raw)

    return Bound(sign=sign, verify=verify, verify_text=verify_text, jwk=MappingProxyType(jwk))


def _uint(number: int, width: int | None = None) -> str:
    """Base64urlUInt of RFC 7518 section 2; `width` is in bytes."""
    return base64url.encode(number.to_bytes(width or (number.bit_length() + 7) // 8)).decode()


def _rs(name: str, hash: hashes.HashAlgorithm) -> Rsa:
    return Rsa(name, hash, padding.PKCS1v15())


def _ps(name: str, hash: hashes.HashAlgorithm) -> Rsa:
    return Rsa(name, hash, padding.PSS(padding.MGF1(hash), hash.digest_size))


_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P384 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
_P521 = int("1FF" + "F" * 62 + "FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16)

#: Every `alg` there is. "none" is not an algorithm.
ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        algorithm.name: algorithm
        for algorithm in (
            *HMACS.values(),
            _rs("RS256", hashes.SHA256()),
            _rs("RS384", hashes.SHA384()),
            _rs("RS512", hashes.SHA512()),
            _ps("PS256", hashes.SHA256()),
            _ps("PS384", hashes.SHA384()),
            _ps("PS512", hashes.SHA512()),
            Ecdsa("ES256", hashes.SHA256(), ec.SECP256R1(), "P-256", _P256),
            Ecdsa("ES384", hashes.SHA384(), ec.SECP384R1(), "P-384", _P384),
            Ecdsa("ES512", hashes.SHA512(), ec.SECP521R1(), "P-521", _P521),
            EdDsa("EdDSA"),
        )
    }
)
