"""Whatever comes in: a principal or a refusal goes out."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drf_lanyard.core.errors import AuthError, ConfigurationError, TokenInvalid, TokenMalformed
from drf_lanyard.core.model import REGISTERED_CLAIMS
from tests.core.material import FAMILIES, NOW, door, mint, payload, sign, signing_key

DOOR = door(*(signing_key(name) for name in FAMILIES))
PRISTINE = {name: mint(door(signing_key(name)), claims={"roles": ["author"]}) for name in FAMILIES}

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


@given(
    st.one_of(
        st.text(), st.from_regex(r"\A[\w-]{0,40}\.[\w-]{0,80}\.[\w-]{0,60}\Z"), st.binary(), st.none(), st.integers()
    )
)
@settings(deadline=None)
def test_anything_is_a_principal_or_a_refusal(token: Any) -> None:
    with pytest.raises(AuthError):
        DOOR.verify(token, NOW)


@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | JSON.map(lambda v: json.dumps(v).encode())
)
@settings(deadline=None)
def test_any_signed_payload_is_a_principal_or_malformed(content: bytes) -> None:
    with pytest.raises(TokenMalformed):
        DOOR.verify(sign(content), NOW)


@given(
    name=st.sampled_from(["iss", "sub", "aud", "iat", "exp", "jti", "sid", "epoch"]),
    value=JSON.map(json.dumps)
    | st.sampled_from(["NaN", "-Infinity", "1e400", "1" * 5000, '"\\ud800"', '"\\u0000"', "tru"]),
)
@settings(deadline=None)
def test_any_value_of_a_claim_is_a_principal_or_a_refusal(name: str, value: str) -> None:
    try:
        principal = DOOR.verify(sign(payload(**{name: value})), NOW)
    except AuthError:
        return
    assert principal.all_claims[name] == json.loads(value)


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
