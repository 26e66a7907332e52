import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519

from drf_lanyard.core import base64url
from drf_lanyard.core.algorithms import ALGORITHMS
from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.core.keys import Key, KeyRing
from tests.core.material import (
    ASYMMETRIC,
    HMACS,
    SECRET,
    private_key,
    private_pem,
    public_pem,
    rsa_key,
    signing_key,
    verifying_key,
)

DATA = b"header.payload"


def test_the_table_holds_what_the_documentation_names_and_nothing_else() -> None:
    assert set(ALGORITHMS) == {f"{family}{bits}" for family in ("HS", "RS", "PS", "ES") for bits in (256, 384, 512)} | {
        "EdDSA"
    }
    assert all(name == algorithm.name for name, algorithm in ALGORITHMS.items())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_what_it_signed_and_nothing_else(algorithm: str) -> None:
    signature = signing_key(algorithm).sign(DATA)
    verifier = verifying_key(algorithm)
    assert verifier.verify(DATA, signature)
    assert verifier.verify_text(DATA, base64url.encode(signature))
    assert not verifier.verify(DATA + b"x", signature)
    changed = bytes([signature[0] ^ 1]) + signature[1:]
    for wrong in (
        b"",
        signature[:-1],
        signature + b"\0",
        b"\0" + signature,
        changed,
        b"\0" * len(signature),
        b"\xff" * len(signature),
    ):
        assert not verifier.verify(DATA, wrong)
        assert not verifier.verify_text(DATA, base64url.encode(wrong))


@pytest.mark.parametrize("algorithm", HMACS)
@pytest.mark.parametrize("size", [64, 65, 128, 129, 500])
def test_hmac_is_the_one_of_the_standard_library(algorithm: str, size: int) -> None:
    secret = bytes(byte % 251 for byte in range(size))
    expected = hmac.digest(secret, DATA, f"sha{algorithm[2:]}")
    assert Key.from_secret(secret, algorithm).sign(DATA) == expected


@pytest.mark.parametrize("algorithm", HMACS)
def test_a_secret_has_at_least_as_many_bytes_as_the_hash(algorithm: str) -> None:
    size = int(algorithm[2:]) // 8
    assert Key.from_secret(b"k" * size, algorithm).can_sign
    for short in (b"", b"k", b"k" * (size - 1)):
        with pytest.raises(ConfigurationError, match=f"at least {size} bytes"):
            Key.from_secret(short, algorithm)


def test_a_text_secret_is_its_utf8_bytes() -> None:
    text = "ключ" * 8
    assert Key.from_secret(text).sign(DATA) == Key.from_secret(text.encode()).sign(DATA)


@pytest.mark.parametrize("bits", [1024, 2047])
@pytest.mark.parametrize("algorithm", ["RS256", "PS512"])
def test_a_small_rsa_key_is_refused(bits: int, algorithm: str) -> None:
    for pem in (private_pem(rsa_key(bits)), public_pem(rsa_key(bits))):
        with pytest.raises(ConfigurationError, match=f"at least 2048 bits; this one has {bits}"):
            Key.from_pem(pem, algorithm)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_key_of_another_kind_or_curve_is_refused(algorithm: str) -> None:
    kinds = {"RS": "RS256", "PS": "RS256"}
    own = kinds.get(algorithm[:2], algorithm)
    others: list[Any] = [private_key(name) for name in ("RS256", "ES256", "ES384", "ES512", "EdDSA") if name != own]
    others += [ec.generate_private_key(ec.SECP256K1()), x25519.X25519PrivateKey.generate()]
    for other in others:
        for pem in (private_pem(other), public_pem(other)):
            with pytest.raises(ConfigurationError, match=f"{algorithm} needs"):
                Key.from_pem(pem, algorithm)


@pytest.mark.parametrize("algorithm", ["none", "nOnE", "", "hs256", "HS1", "RSA", "ES256K", None, 5, ["HS256"], {}])
def test_an_unknown_algorithm_is_refused(algorithm: Any) -> None:
    with pytest.raises(ConfigurationError, match="Unknown algorithm"):
        Key.from_secret(SECRET, algorithm)
    with pytest.raises(ConfigurationError, match="Unknown algorithm"):
        Key.from_pem(private_pem(rsa_key()), algorithm)


@pytest.mark.parametrize("algorithm", HMACS)
def test_a_pem_is_no_secret_and_a_secret_no_pem(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a shared secret"):
        Key.from_pem(private_pem(rsa_key()), algorithm)
    with pytest.raises(ConfigurationError, match="RS256 needs an RSA key"):
        Key.from_secret(SECRET, "RS256")


@pytest.mark.parametrize("secret", [None, 5, bytearray(64), ["k" * 64]])
def test_a_secret_is_text_or_bytes(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="text or bytes"):
        Key.from_secret(secret)


def test_an_encrypted_key_needs_its_password() -> None:
    pem = private_pem(private_key("ES256"), password=b"open sesame")
    assert Key.from_pem(pem, "ES256", password="open sesame").can_sign
    assert Key.from_pem(pem.decode(), "ES256", password=b"open sesame").can_sign
    for wrong in (None, "", "guess"):
        with pytest.raises(ConfigurationError, match="not a readable PEM"):
            Key.from_pem(pem, "ES256", password=wrong)
    with pytest.raises(ConfigurationError, match="not a readable PEM"):
        Key.from_pem(private_pem(private_key("ES256")), "ES256", password="not needed")


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----",
        "text",
        b"\0\xff",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ],
)
def test_what_is_no_pem_is_refused_without_quoting_it(pem: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a readable PEM") as caught:
        Key.from_pem(pem, "RS256")
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_public_key_verifies_only(algorithm: str) -> None:
    public = verifying_key(algorithm)
    assert not public.can_sign
    with pytest.raises(ConfigurationError, match="cannot sign"):
        public.sign(DATA)
    with pytest.raises(ConfigurationError, match="cannot sign"):
        KeyRing(public)


def test_nothing_of_a_key_is_printed() -> None:
    for algorithm in ALGORITHMS:
        key = signing_key(algorithm)
        assert repr(key) == f"Key(kid={key.kid!r}, algorithm={algorithm!r})"


def test_the_default_id_is_the_thumbprint_of_rfc_7638() -> None:
    """The key and the thumbprint are the ones of RFC 7638 section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr"
        "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(base64url.decode(modulus.encode()))
    pem = (
        rsa.RSAPublicNumbers(65537, number)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert Key.from_pem(pem, "RS256").kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_default_id_of_a_secret_is_stable_short_and_not_a_signature() -> None:
    first, again = Key.from_secret(SECRET), Key.from_secret(SECRET)
    assert first.kid == again.kid
    assert len(first.kid) == 16
    ids = {Key.from_secret(SECRET, name).kid for name in HMACS} | {Key.from_secret(SECRET[::-1]).kid}
    assert len(ids) == 4
    assert first.kid.encode() not in base64url.encode(hashlib.sha256(SECRET).digest())
    assert first.kid.encode() not in base64url.encode(first.sign(b""))


@pytest.mark.parametrize("kid", ["", "k" * 129, "a\r\nb", "a\0b", "clé", "\ud800", 5, b"k"])
def test_a_key_id_is_short_printable_text(kid: Any) -> None:
    with pytest.raises(ConfigurationError, match="A key id is"):
        Key.from_secret(SECRET, kid=kid)
    with pytest.raises(ConfigurationError, match="A key id is"):
        Key.from_pem(private_pem(rsa_key()), "RS256", kid=kid)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_public_jwk_says_what_the_key_is_for_and_holds_nothing_private(algorithm: str) -> None:
    jwk = signing_key(algorithm).public_jwk()
    assert jwk is not None
    assert (jwk["alg"], jwk["use"], jwk["kid"]) == (algorithm, "sig", f"{algorithm}-1")
    assert jwk == verifying_key(algorithm).public_jwk()
    assert set(jwk) <= {"kty", "crv", "n", "e", "x", "y", "alg", "use", "kid"}


def test_coordinates_keep_their_width() -> None:
    """RFC 7518 section 6.2.1.2: a P-521 coordinate has 66 octets, leading zeros included."""
    jwk = signing_key("ES512").public_jwk()
    assert jwk is not None
    assert len(base64url.decode(jwk["x"].encode())) == len(base64url.decode(jwk["y"].encode())) == 66
