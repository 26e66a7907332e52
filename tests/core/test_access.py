import json
import math
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from drf_lanyard.core import base64url
from drf_lanyard.core.access import MAX_TOKEN_LENGTH
from drf_lanyard.core.algorithms import ALGORITHMS
from drf_lanyard.core.errors import ConfigurationError, TokenInvalid
from drf_lanyard.core.keys import Key, KeyRing
from drf_lanyard.core.model import REGISTERED_CLAIMS, Principal
from tests.core.material import (
    AUDIENCE,
    ISSUER,
    NOW,
    SECRET,
    SESSION,
    door,
    mint,
    payload,
    sign,
    signing_key,
    verifying_key,
)

IAT = int(NOW)


def open_claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return claims


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_minted_is_verified(algorithm: str) -> None:
    tokens = door(signing_key(algorithm))
    token = mint(tokens, claims={"roles": ["author"]})
    principal = tokens.verify(token, NOW)
    assert principal == Principal(
        user_id="42",
        method="jwt",
        session_id=SESSION,
        epoch=3,
        issued_at=float(IAT),
        expires_at=float(IAT + 300),
        credential=SESSION.int,
        payload=principal.payload,
    )
    assert principal.claims == {"roles": ["author"]}


def test_a_token_carries_exactly_the_documented_claims() -> None:
    claims = open_claims(mint(door()))
    assert len(base64url.decode(claims.pop("jti").encode())) == 16
    assert claims == {
        "iss": ISSUER,
        "sub": "42",
        "aud": AUDIENCE,
        "iat": IAT,
        "exp": IAT + 300,
        "sid": str(SESSION),
        "epoch": 3,
    }


def test_the_header_says_algorithm_key_and_type() -> None:
    header = json.loads(base64url.decode(mint(door()).split(".")[0].encode()))
    assert header == {"alg": "HS256", "kid": signing_key("HS256").kid, "typ": "at+jwt"}


def test_two_tokens_of_one_moment_differ() -> None:
    tokens = door()
    assert len({mint(tokens) for _ in range(100)}) == 100


def test_an_accepted_key_verifies_and_the_first_one_signs() -> None:
    old, new = signing_key("HS256"), signing_key("ES256")
    token = mint(door(old))
    assert door(new, old).verify(token, NOW).user_id == "42"
    assert door(signing_key("HS512"), verifying_key("ES256")).verify(mint(door(new, old)), NOW).user_id == "42"
    with pytest.raises(TokenInvalid):
        door(new).verify(token, NOW)


@pytest.mark.parametrize("name", sorted(REGISTERED_CLAIMS))
def test_a_registered_claim_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\b{name}\b"):
        mint(door(), claims={name: "x", "roles": []})


LOOP: list[Any] = []
LOOP.append(LOOP)
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        {"set"},
        b"bytes",
        datetime(2026, 1, 1, tzinfo=UTC),
        SESSION,
        object(),
        "\ud800",
        LOOP,
        DEEP,
        10**5000,
    ],
    ids=["nan", "inf", "-inf", "set", "bytes", "date", "uuid", "object", "surrogate", "loop", "deep", "huge"],
)
def test_claims_that_are_not_json_are_refused(value: object) -> None:
    with pytest.raises(ConfigurationError):
        mint(door(), claims={"x": value})


def test_a_claim_name_is_text() -> None:
    with pytest.raises(ConfigurationError, match="not JSON"):
        mint(door(), claims={5: "x"})


@pytest.mark.parametrize("subject", ["", "x" * 256, "a\0b", "\ud800"])
def test_a_subject_that_the_door_would_refuse_is_not_minted(subject: str) -> None:
    with pytest.raises(ConfigurationError):
        mint(door(), subject=subject)


@pytest.mark.parametrize("epoch", [-1, 2**63])
def test_an_epoch_that_the_door_would_refuse_is_not_minted(epoch: int) -> None:
    with pytest.raises(ConfigurationError):
        mint(door(), epoch=epoch)


def test_a_token_that_would_be_too_long_is_not_minted() -> None:
    tokens = door()
    room = (MAX_TOKEN_LENGTH - len(mint(tokens, claims={"x": ""}))) * 3 // 4
    fits = mint(tokens, claims={"x": "x" * room})
    assert tokens.verify(fits, NOW).claims == {"x": "x" * room}
    with pytest.raises(ConfigurationError, match="8192 fit"):
        mint(tokens, claims={"x": "x" * (room + 4)})


@pytest.mark.parametrize(("lifetime", "leeway"), [(0, 5), (0.5, 5), (-1, 5), (300, -1)])
def test_a_policy_that_cannot_work_is_refused(lifetime: float, leeway: float) -> None:
    with pytest.raises(ConfigurationError, match="at least one second"):
        door(lifetime=lifetime, leeway=leeway)


def test_doors_of_other_issuers_audiences_and_keys_refuse() -> None:
    token = mint(door())
    others = [
        door(issuer=ISSUER + "/"),
        door(audience=ISSUER),
        door(Key.from_secret(SECRET[::-1], kid=signing_key("HS256").kid)),
    ]
    for other in others:
        with pytest.raises(TokenInvalid):
            other.verify(token, NOW)


def test_a_header_of_the_same_content_in_another_order_is_unknown() -> None:
    key = signing_key("HS256")
    header = json.dumps({"typ": "at+jwt", "alg": "HS256", "kid": key.kid}).encode()
    with pytest.raises(TokenInvalid):
        door().verify(sign(payload(), key, base64url.encode(header).decode()), NOW)
    assert door().verify(sign(payload(), key, KeyRing.header(key)), NOW)


def test_a_session_id_is_any_uuid() -> None:
    session = uuid4()
    principal = door().verify(mint(door(), session_id=session), NOW)
    assert (principal.session_id, principal.credential) == (session, session.int)
