"""Attacks on the signature and on the choice of the key. All are refused, and nothing but an AuthError comes out."""

import base64
import hashlib
import hmac
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.algorithms import ALGORITHMS
from drf_lanyard.core.errors import ConfigurationError, TokenInvalid, TokenMalformed
from drf_lanyard.core.keys import Key, KeyRing
from tests.attacks.refusals import header, invalid
from tests.core.material import (
    FAMILIES,
    NOW,
    SECRET,
    door,
    mint,
    payload,
    private_pem,
    rsa_key,
    segment,
    sign,
    signing_key,
)

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
    assert len(tokens.known) == 0
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
