import json
import math
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drf_lanyard.core import base64url
from drf_lanyard.core.access import MAX_TOKEN_LENGTH, AccessTokens
from drf_lanyard.core.errors import (
    AuthError,
    ConfigurationError,
    TokenExpired,
    TokenInvalid,
    TokenMalformed,
    TokenStale,
)
from drf_lanyard.core.keys import ALGORITHMS, Key, KeyRing
from drf_lanyard.core.model import REGISTERED_CLAIMS, Principal
from tests.core.material import (
    AUDIENCE,
    FAMILIES,
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


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.text().filter(lambda name: name not in REGISTERED_CLAIMS)


@given(
    claims=st.dictionaries(NAMES, JSON, max_size=4),
    epoch=st.integers(0, 2**63 - 1),
    subject=st.text(min_size=1, max_size=255),
)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_json_comes_back_or_is_refused_at_the_mint(claims: dict[str, Any], epoch: int, subject: str) -> None:
    tokens = door()
    try:
        token = mint(tokens, claims=claims, epoch=epoch, subject=subject)
    except ConfigurationError:
        assert "\0" in subject or len(json.dumps(claims)) > 4000
        return
    for _ in range(2):  # first sight, then remembered
        principal = tokens.verify(token, NOW)
        assert (principal.user_id, principal.epoch, principal.claims) == (subject, epoch, claims)


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


# Time. Each at first sight and when the token is already remembered.


@pytest.fixture(params=["first sight", "remembered"])
def seen(request: pytest.FixtureRequest) -> tuple[AccessTokens, str]:
    tokens = door()
    token = mint(tokens)
    if request.param == "remembered":
        tokens.verify(token, NOW)
    return tokens, token


def test_a_token_lives_to_the_end_of_its_life_and_the_leeway(seen: tuple[AccessTokens, str]) -> None:
    tokens, token = seen
    end = IAT + 300 + 5
    with pytest.raises(TokenExpired):
        tokens.verify(token, end)
    assert tokens.verify(token, end - 0.001).user_id == "42"
    with pytest.raises(TokenExpired):
        tokens.verify(token, end)
    with pytest.raises(TokenExpired):
        tokens.verify(token, end + 1e9)


def test_an_expired_token_still_names_its_session_when_asked_for(seen: tuple[AccessTokens, str]) -> None:
    tokens, token = seen
    assert tokens.verify(token, NOW + 1e6, allow_expired=True).session_id == SESSION
    with pytest.raises(TokenExpired):
        tokens.verify(token, NOW + 1e6)


def test_a_clock_that_is_not_a_number_lets_nothing_through(seen: tuple[AccessTokens, str]) -> None:
    tokens, token = seen
    with pytest.raises(TokenExpired):
        tokens.verify(token, math.nan)


def test_a_policy_that_became_shorter_asks_for_a_refresh() -> None:
    token = mint(door(lifetime=600))
    assert door(lifetime=600).verify(token, NOW)
    with pytest.raises(TokenStale):
        door(lifetime=599).verify(token, NOW)


def test_a_token_from_the_future_asks_for_a_refresh() -> None:
    tokens = door()
    assert tokens.verify(sign(payload(iat=str(IAT + 5), exp=str(IAT + 305))), NOW)
    with pytest.raises(TokenStale):
        tokens.verify(sign(payload(iat=str(IAT + 6), exp=str(IAT + 306))), NOW)


def test_a_stale_token_names_its_session_but_is_not_remembered_as_good() -> None:
    tokens, token = door(lifetime=60), mint(door(lifetime=600))
    assert tokens.verify(token, NOW, allow_expired=True).session_id == SESSION
    with pytest.raises(TokenStale):
        tokens.verify(token, NOW)


def test_expiry_comes_before_staleness() -> None:
    with pytest.raises(TokenExpired):
        door(lifetime=60).verify(mint(door(lifetime=600)), NOW + 3600)


# What is remembered.


def test_a_remembered_token_is_one_principal_and_its_claims_are_fresh_each_time() -> None:
    tokens = door()
    token = mint(tokens, claims={"roles": ["author"]})
    first, second = tokens.verify(token, NOW), tokens.verify(token, NOW + 1)
    assert first is second
    first.claims["roles"].append("admin")
    first.all_claims["roles"].append("admin")
    assert tokens.verify(token, NOW).claims == {"roles": ["author"]}
    with pytest.raises(AttributeError):
        first.user_id = "1"  # type: ignore[misc]


def test_a_remembered_token_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = door()
    token = mint(tokens)
    tokens.verify(token, NOW)

    def no_second_look(self: AccessTokens, token: str) -> Principal:
        raise AssertionError

    monkeypatch.setattr(AccessTokens, "_open", no_second_look)
    assert tokens.verify(token, NOW).user_id == "42"


def test_only_what_was_verified_is_remembered() -> None:
    tokens = door()
    good = mint(tokens)
    bad = [
        good[:-1],
        good + "=",
        good.replace(".", ".A", 1),
        sign(payload(sub="5")),
        sign(payload(iss='"x"')),
        "a.b.c",
        "",
    ]
    for token in bad:
        for _ in range(2):
            with pytest.raises(AuthError):
                tokens.verify(token, NOW)
    with pytest.raises(TokenExpired):
        tokens.verify(good, NOW + 1e6)
    assert len(tokens._verified) == 0


def test_the_memory_is_bounded() -> None:
    tokens = door(cache_size=20)
    for _ in range(100):
        tokens.verify(mint(tokens), NOW)
    assert 0 < len(tokens._verified) <= 20


def test_it_works_without_a_memory() -> None:
    tokens = door(cache_size=0)
    token = mint(tokens)
    assert tokens.verify(token, NOW) == tokens.verify(token, NOW)
    assert tokens.verify(token, NOW) is not tokens.verify(token, NOW)


# Anything at all.


@given(
    st.one_of(
        st.text(), st.from_regex(r"\A[\w-]{0,40}\.[\w-]{0,80}\.[\w-]{0,60}\Z"), st.binary(), st.none(), st.integers()
    )
)
def test_anything_is_a_principal_or_a_refusal(token: Any) -> None:
    with pytest.raises(AuthError):
        DOOR.verify(token, NOW)


@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | JSON.map(lambda v: json.dumps(v).encode())
)
def test_any_signed_payload_is_a_principal_or_malformed(content: bytes) -> None:
    with pytest.raises(TokenMalformed):
        DOOR.verify(sign(content), NOW)


@given(
    name=st.sampled_from(["iss", "sub", "aud", "iat", "exp", "jti", "sid", "epoch"]),
    value=JSON.map(json.dumps)
    | st.sampled_from(["NaN", "-Infinity", "1e400", "1" * 5000, '"\\ud800"', '"\\u0000"', "tru"]),
)
def test_any_value_of_a_claim_is_a_principal_or_a_refusal(name: str, value: str) -> None:
    try:
        principal = DOOR.verify(sign(payload(**{name: value})), NOW)
    except AuthError:
        return
    assert principal.all_claims[name] == json.loads(value)


DOOR = door(*(signing_key(name) for name in FAMILIES))
PRISTINE = {name: mint(door(signing_key(name)), claims={"roles": ["author"]}) for name in FAMILIES}


@given(
    name=st.sampled_from(FAMILIES),
    place=st.integers(0, 10_000),
    character=st.characters(min_codepoint=0, max_codepoint=0x17F),
)
@settings(max_examples=300, deadline=None)
def test_any_one_character_changed_is_refused(name: str, place: int, character: str) -> None:
    token = PRISTINE[name]
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    if changed == token:
        return
    with pytest.raises((TokenInvalid, TokenMalformed)):
        DOOR.verify(changed, NOW)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_last_character_but_the_right_one_is_refused(name: str) -> None:
    """The last character of a segment has bits that mean nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = PRISTINE[name]
    assert DOOR.verify(token, NOW).user_id == "42"
    for end in (len(token), token.rindex("."), token.index(".")):
        for character in set(alphabet) - {token[end - 1]}:
            with pytest.raises(TokenInvalid):
                DOOR.verify(token[: end - 1] + character + token[end:], NOW)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_shorter_or_longer_token_is_refused(name: str) -> None:
    token = PRISTINE[name]
    for changed in [token[:end] for end in range(len(token))] + [token + "A", "A" + token, token + token]:
        with pytest.raises((TokenInvalid, TokenMalformed)):
            DOOR.verify(changed, NOW)


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
