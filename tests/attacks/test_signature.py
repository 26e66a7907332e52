"""Attacks on the signature and on the choice of the key. All are refused, and nothing but an AuthError comes out."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from drf_lanyard.core import algorithms
from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.errors import ConfigurationError, TokenInvalid, TokenMalformed
from drf_lanyard.core.keys import ALGORITHMS, Key, KeyRing
from tests.core.material import (
    ASYMMETRIC,
    CURVES,
    FAMILIES,
    NOW,
    SECRET,
    door,
    mint,
    payload,
    private_key,
    private_pem,
    public_pem,
    rsa_key,
    segment,
    sign,
    signing_key,
    verifying_key,
)


def header(**members: object) -> str:
    return segment(json.dumps(members, separators=(",", ":")).encode())


def invalid(tokens: AccessTokens, token: str) -> None:
    """Refused twice in the same way: a refusal leaves nothing behind."""
    for _ in range(2):
        with pytest.raises(TokenInvalid) as caught:
            tokens.verify(token, NOW)
        assert caught.value.code == "token_invalid"
        assert token not in str(caught.value)


# The algorithm of the header.


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "None",
        "nOnE",
        "NONE",
        "",
        None,
        ["none"],
        ["HS256"],
        {},
        0,
        True,
        "hs256",
        "HS256 ",
        "HS512",
        "RS384",
        "dir",
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_header_does_not_choose_the_algorithm(name: object, family: str) -> None:
    key = signing_key(family)
    tokens = door(key)
    _, body, signature = mint(tokens).split(".")
    for kid in ({"kid": key.kid}, {}):
        forged = header(alg=name, **kid, typ="at+jwt")
        for ending in ("", signature, segment(b"\0" * 32)):
            invalid(tokens, f"{forged}.{body}.{ending}")
        invalid(tokens, sign(payload(), key, forged))


def test_no_signature_is_not_a_signature() -> None:
    for family in FAMILIES:
        tokens = door(signing_key(family))
        invalid(tokens, mint(tokens).rpartition(".")[0] + ".")


# A public key as a shared secret.


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


# A key with an algorithm that is not its own.


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_signs_only_with_its_own_algorithm(algorithm: str) -> None:
    tokens = door(signing_key("RS256"))
    other = Key.from_pem(private_pem(rsa_key()), algorithm, kid="RS256-1")
    invalid(tokens, sign(payload(), other))
    invalid(tokens, sign(payload(), other, KeyRing.header(signing_key("RS256"))))


def test_a_secret_signs_only_with_its_own_algorithm() -> None:
    tokens = door(signing_key("HS256"))
    for algorithm in ("HS384", "HS512"):
        other = Key.from_secret(SECRET, algorithm, kid=signing_key("HS256").kid)
        invalid(tokens, sign(payload(), other))
        invalid(tokens, sign(payload(), other, KeyRing.header(signing_key("HS256"))))


def test_a_key_of_the_ring_does_not_stand_in_for_another() -> None:
    keys = [signing_key(name) for name in ALGORITHMS]
    tokens = door(*keys)
    for key in keys:
        assert tokens.verify(sign(payload(), key), NOW).user_id == "42"
        for other in keys:
            if other is not key:
                invalid(tokens, sign(payload(), key, KeyRing.header(other)))


def test_a_retired_key_is_unknown() -> None:
    invalid(door(signing_key("EdDSA")), mint(door(signing_key("ES256"), signing_key("EdDSA"))))


# A header that brings or points at a key.


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_header_brings_no_key(member: str, listener: socket.socket) -> None:
    attacker = Key.from_pem(private_pem(rsa.generate_private_key(65537, 2048)), "RS256", kid="RS256-1")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/jwks.json"
    bait = {"jwk": attacker.public_jwk(), "jku": url, "x5u": url, "x5c": [base64.b64encode(b"certificate").decode()]}
    tokens = door(signing_key("RS256"))
    for kid in ("RS256-1", "attacker", url):
        invalid(tokens, sign(payload(), attacker, header(alg="RS256", kid=kid, typ="at+jwt", **{member: bait[member]})))
    with pytest.raises(BlockingIOError):  # nobody has called
        listener.accept()


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["x"], "x": 1},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "JWT"},
    ],
)
def test_a_header_that_is_not_ours_is_refused_even_when_our_key_signed_it(extra: dict[str, Any]) -> None:
    key = signing_key("HS256")
    invalid(door(key), sign(payload(), key, header(**{"alg": "HS256", "kid": key.kid, "typ": "at+jwt"} | extra)))


def test_an_unencoded_payload_is_refused() -> None:
    """RFC 7797: the payload as it is, with `b64: false`, and also under our own header."""
    key = signing_key("HS256")
    for head in (header(alg="HS256", kid=key.kid, b64=False, crit=["b64"]), KeyRing.header(key)):
        signing_input = f"{head}.{payload()}"
        token = f"{signing_input}.{segment(key.sign(signing_input.encode()))}"
        with pytest.raises((TokenMalformed, TokenInvalid)):  # the payload has dots in it
            door(key).verify(token, NOW)


KIDS: list[object] = [
    "../../../../dev/null",
    "/dev/null",
    "file:///etc/passwd",
    "' OR 1=1 --",
    "x' UNION SELECT 'secret",
    "a\r\nX-Injected: 1",
    "a\0b",
    "${jndi:ldap://127.0.0.1/a}",
    "| id",
    7,
    -1,
    1.5,
    None,
    True,
    [],
    {},
    ["HS256-1"],
    "",
    "\ud800",
]


@pytest.mark.parametrize("kid", KIDS, ids=repr)
def test_a_kid_is_never_interpreted(kid: object) -> None:
    for secret in (b"", SECRET, b"secret"):
        signing_input = f"{header(alg='HS256', kid=kid, typ='at+jwt')}.{segment(payload().encode())}"
        mac = segment(hmac.digest(secret, signing_input.encode(), hashlib.sha256))
        invalid(door(), f"{signing_input}.{mac}")


def test_a_kid_of_a_megabyte_is_refused_by_its_length() -> None:
    token = sign(payload(), header=header(alg="HS256", kid="k" * 1_000_000))
    with pytest.raises(TokenMalformed):
        door().verify(token, NOW)


def test_a_flood_of_unknown_kids_leaves_nothing_behind() -> None:
    key = signing_key("HS256")
    ring = KeyRing(key)
    tokens = AccessTokens(ring, issuer="i", audience="a", lifetime=300, leeway=5)
    good = mint(tokens)
    _, body, signature = good.split(".")
    for number in range(5000):
        with pytest.raises(TokenInvalid):
            tokens.verify(f"{header(alg='HS256', kid=str(number))}.{body}.{signature}", NOW)
    assert ring.keys == (key,)
    assert len(tokens._verified) == 0
    assert tokens.verify(good, NOW).user_id == "42"


# Keys that are too weak are refused at start-up.


@pytest.mark.parametrize(("algorithm", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_weak_secrets_are_refused(algorithm: str, size: int) -> None:
    for secret in ("", b"", "secret", "k" * (size - 1)):
        with pytest.raises(ConfigurationError, match="at least"):
            Key.from_secret(secret, algorithm)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_small_rsa_keys_are_refused(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="at least 2048 bits"):
        Key.from_pem(private_pem(rsa_key(1024)), algorithm)


# One token has one spelling: what was revoked or remembered cannot come back in other clothes.


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_other_spellings_of_a_token_are_refused(family: str, remembered: bool) -> None:
    tokens = door(signing_key(family))
    token = mint(tokens)
    if remembered:
        tokens.verify(token, NOW)
    head, body, signature = token.split(".")
    spaces = [" ", "\n", "\r\n", "\t", "\v", "\f"]
    changed = [token + "=", token + "==", head + "=." + body + "." + signature, f"{head}.{body}==.{signature}"]
    changed += [token + space for space in spaces] + [space + token for space in spaces]
    changed += [f"{head}.{body}.{space}{signature}" for space in spaces] + [
        f"{head}.{body}{space}.{signature}" for space in spaces
    ]
    changed += [
        f"{head}.{body}.{signature[:5]}\n{signature[5:]}",
        token.upper(),
        token.lower(),
        "Bearer " + token,
        f'"{token}"',
    ]
    for other in changed:
        invalid(tokens, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_alphabet_of_plain_base64_is_refused(family: str) -> None:
    tokens = door(signing_key(family))
    for _ in range(500):
        token = mint(tokens)
        head, body, signature = token.split(".")
        if {"-", "_"} & set(signature):
            break
    invalid(tokens, f"{head}.{body}.{signature.translate(str.maketrans('-_', '+/'))}")


@pytest.mark.parametrize("family", ["HS256", "RS256", "ES512", "EdDSA"])
def test_trailing_bits_are_refused(family: str) -> None:
    """The same signature, byte for byte, with bits set that decoding drops."""
    tokens = door(signing_key(family))
    token = mint(tokens)
    signature = token.rpartition(".")[2]
    raw = base64.urlsafe_b64decode(signature + "==")
    unused = {1: 4, 2: 2, 0: 0}[len(raw) % 3]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    twins = [alphabet[last ^ bits] for bits in range(1, 1 << unused)]
    assert all(base64.urlsafe_b64decode(signature[:-1] + twin + "==") == raw for twin in twins)
    for twin in twins:
        invalid(tokens, token[:-1] + twin)
    assert bool(twins) == bool(len(raw) % 3)


@pytest.mark.parametrize("algorithm", CURVES)
def test_the_mirrored_ecdsa_signature_is_refused(algorithm: str) -> None:
    """(r, n - s) is as genuine as (r, s); it would be a second token with the same claims."""
    curve = ALGORITHMS[algorithm]
    assert isinstance(curve, algorithms.Ecdsa)
    tokens = door(signing_key(algorithm))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    half = len(raw) // 2
    mirrored = raw[:half] + (curve.order - int.from_bytes(raw[half:])).to_bytes(half)
    invalid(tokens, f"{head}.{body}.{segment(mirrored)}")


@pytest.mark.parametrize("algorithm", CURVES)
def test_ecdsa_signatures_of_another_form_are_refused(algorithm: str) -> None:
    curve = ALGORITHMS[algorithm]
    assert isinstance(curve, algorithms.Ecdsa)
    tokens = door(signing_key(algorithm))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    half = len(raw) // 2
    r, s = int.from_bytes(raw[:half]), int.from_bytes(raw[half:])
    zero, order = b"\0" * half, curve.order.to_bytes(half)
    forms = [
        encode_dss_signature(r, s),
        zero + zero,  # CVE-2022-21449
        zero + raw[half:],
        raw[:half] + zero,
        order + raw[half:],
        order + order,
        b"\0" + raw[:half] + b"\0" + raw[half:],
        raw + b"\0",
        raw[:-1],
        raw[half:] + raw[:half],
    ]
    for form in forms:
        invalid(tokens, f"{head}.{body}.{segment(form)}")


def test_a_signature_beyond_the_modulus_or_the_group_is_refused() -> None:
    """s + n for RSA and S + L for Ed25519 (RFC 8032 section 5.1.7) mean the same number."""
    tokens = door(signing_key("RS256"))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    longer = (int.from_bytes(raw) + rsa_key().public_key().public_numbers().n).to_bytes(257)
    for form in (longer, longer[1:], b"\0" + raw):
        invalid(tokens, f"{head}.{body}.{segment(form)}")

    tokens = door(signing_key("EdDSA"))
    head, body, signature = mint(tokens).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    group = 2**252 + 27742317777372353535851937790883648493
    shifted = (int.from_bytes(raw[32:], "little") + group).to_bytes(32, "little")
    invalid(tokens, f"{head}.{body}.{segment(raw[:32] + shifted)}")


def test_white_space_in_a_revoked_token_does_not_make_it_new() -> None:
    """Revocation goes by the ids in the claims, so both readings of a token name the same session."""
    tokens = door()
    token = mint(tokens)
    credential = tokens.verify(token, NOW).credential
    assert tokens.verify(str(token.encode(), "ascii"), NOW).credential == credential
    invalid(tokens, token + "\n")
