"""A public key as a shared secret: everybody knows it, so everybody could sign."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.core.keys import Key
from tests.attacks.refusals import header, invalid
from tests.core.material import (
    ASYMMETRIC,
    door,
    mint,
    payload,
    private_key,
    private_pem,
    public_pem,
    rsa_key,
    segment,
    signing_key,
    verifying_key,
)


def public_spellings() -> dict[str, bytes]:
    """Every text in which an RSA public key is handed around."""
    public = rsa_key().public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    jwk = verifying_key("RS256").public_jwk()
    pem = public_pem(rsa_key())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, public, 1, start, start + timedelta(days=1))
    certificate = builder.sign(rsa_key(), hashes.SHA256())
    return {
        "pem": pem,
        "pem stripped": pem.strip(),
        "pem with crlf": pem.replace(b"\n", b"\r\n"),
        "pkcs1 pem": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "der": der,
        "pkcs1 der": public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "ssh": ssh,
        "ssh with comment": ssh + b" alice@example.org\n",
        "ssh wire": base64.b64decode(ssh.split()[1]),
        "ssh wire base64": ssh.split()[1],
        "jwk": json.dumps(jwk).encode(),
        "jwk set": json.dumps({"keys": [jwk]}, indent=2).encode(),
        "base64 der": base64.b64encode(der),
        "base64url der": base64.urlsafe_b64encode(der).rstrip(b"="),
        "base64 der in lines": base64.encodebytes(der),
        "base64 pem": base64.b64encode(pem),
        "base64 jwk": base64.b64encode(json.dumps(jwk).encode()),
        "certificate": certificate.public_bytes(Encoding.PEM),
        "certificate der": certificate.public_bytes(Encoding.DER),
        "certificate base64": base64.b64encode(certificate.public_bytes(Encoding.DER)),
    }


@pytest.mark.parametrize("spelling", public_spellings())
def test_a_public_key_as_hmac_secret_does_not_forge(spelling: str) -> None:
    secret = public_spellings()[spelling]
    tokens = door(signing_key("RS256"))
    body = segment(payload(sub='"admin"').encode())
    mine = mint(tokens).partition(".")[0]
    for name in ("HS256", "HS384", "HS512"):
        for forged in (header(alg=name, kid="RS256-1", typ="at+jwt"), header(alg=name), mine):
            mac = hmac.digest(secret, f"{forged}.{body}".encode(), f"sha{name[2:]}")
            invalid(tokens, f"{forged}.{body}.{segment(mac)}")


@pytest.mark.parametrize("spelling", public_spellings())
def test_a_public_key_is_refused_as_a_secret_at_start_up(spelling: str) -> None:
    secret = public_spellings()[spelling]
    with pytest.raises(ConfigurationError, match="public or private key"):
        Key.from_secret(secret)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_every_kind_of_key_is_refused_as_a_secret_at_start_up(algorithm: str) -> None:
    key = private_key(algorithm)
    der = key.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    locked = key.private_bytes(
        Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    ssh = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (private_pem(key), public_pem(key), der, locked, ssh, base64.b64decode(ssh.split()[1]), public):
        for spelled in (secret, base64.b64encode(secret)):
            with pytest.raises(ConfigurationError, match="public or private key"):
                Key.from_secret(spelled)


@pytest.mark.parametrize(
    "secret",
    [
        b"0" + b"a" * 40,
        b"\x30" * 64,
        b"[" * 5000,
        b'{"secret": "aaaaaaaaaaaaaaaaaaaaaaaaaaa"}',
        base64.b64encode(bytes(range(48))),
    ],
)
def test_a_secret_that_only_begins_like_a_key_is_accepted(secret: bytes) -> None:
    assert Key.from_secret(secret).can_sign
