"""PyJWT and joserfc verify our tokens, and we verify their signatures."""

import json
from typing import Any

import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwt
import pytest

from drf_lanyard.core import base64url
from drf_lanyard.core.algorithms import ALGORITHMS
from tests.core.material import (
    ASYMMETRIC,
    AUDIENCE,
    CURVES,
    HMACS,
    ISSUER,
    SECRET,
    SESSION,
    private_key,
    private_pem,
    signing_key,
    verifying_key,
)
from tests.interop.conftest import CLAIMS, tampered

REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "epoch"]


def check(claims: dict[str, Any]) -> None:
    assert claims["iss"] == ISSUER
    assert claims["aud"] == AUDIENCE
    assert (claims["sub"], claims["sid"], claims["epoch"]) == ("42", str(SESSION), 3)
    assert {name: claims[name] for name in CLAIMS} == CLAIMS


def pyjwt_decode(algorithm: str, token: str) -> dict[str, Any]:
    key: Any = SECRET if algorithm in HMACS else jwt.PyJWK(signing_key(algorithm).public_jwk() or {}, algorithm)
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE, options={"require": REQUIRED}
    )
    return claims


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyjwt_verifies_our_tokens(algorithm: str, tokens: dict[str, str]) -> None:
    check(pyjwt_decode(algorithm, tokens[algorithm]))
    assert jwt.get_unverified_header(tokens[algorithm])["typ"] == "at+jwt"
    with pytest.raises(jwt.InvalidSignatureError):
        pyjwt_decode(algorithm, tampered(tokens[algorithm]))


def joserfc_key(algorithm: str) -> Any:
    if algorithm in HMACS:
        return joserfc.jwk.OctKey.import_key(SECRET)
    return joserfc.jwk.import_key(dict(signing_key(algorithm).public_jwk() or {}))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_joserfc_verifies_our_tokens(algorithm: str, tokens: dict[str, str]) -> None:
    token = joserfc.jwt.decode(tokens[algorithm], joserfc_key(algorithm), algorithms=[algorithm])
    assert token.header["typ"] == "at+jwt"
    check(token.claims)
    with pytest.raises(joserfc.errors.BadSignatureError):
        joserfc.jwt.decode(tampered(tokens[algorithm]), joserfc_key(algorithm), algorithms=[algorithm])


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_the_published_keys_verify_our_tokens(
    algorithm: str, tokens: dict[str, str], published: dict[str, list[dict[str, str]]]
) -> None:
    ring: Any = joserfc.jwk.KeySet.import_key_set(json.loads(json.dumps(published)))
    check(joserfc.jwt.decode(tokens[algorithm], ring, algorithms=[algorithm]).claims)
    key = jwt.PyJWKSet.from_dict(dict(published))[f"{algorithm}-1"]
    check(jwt.decode(tokens[algorithm], key, algorithms=[algorithm], issuer=ISSUER, audience=AUDIENCE))


def test_our_key_ids_are_their_thumbprints() -> None:
    for algorithm in ASYMMETRIC:
        key = type(signing_key(algorithm)).from_pem(private_pem(private_key(algorithm)), algorithm)
        assert key.kid == joserfc_key(algorithm).thumbprint()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_verify_their_signatures(algorithm: str) -> None:
    """Of ECDSA, others sign with either s; as a token of ours only the smaller one would do."""
    key: Any = SECRET if algorithm in HMACS else private_key(algorithm)
    accepted = set()
    for number in range(40 if algorithm in CURVES else 2):
        signing_input, _, signature = jwt.encode({"a": number}, key, algorithm).rpartition(".")
        assert verifying_key(algorithm).verify(signing_input.encode(), base64url.decode(signature.encode()))
        accepted.add(verifying_key(algorithm).verify_text(signing_input.encode(), signature.encode()))
    assert accepted == ({True, False} if algorithm in CURVES else {True})
