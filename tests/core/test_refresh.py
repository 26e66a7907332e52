"""Refresh tokens, and every row of the lifecycle table in every order that matters."""

import base64
import hmac
import itertools
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drf_lanyard.core.errors import ConfigurationError, TokenMalformed
from drf_lanyard.core.ids import uuid7
from drf_lanyard.core.model import SessionState
from drf_lanyard.core.policy import Policy
from drf_lanyard.core.refresh import PREFIX, Decision, RefreshTokens, decide, digest_idempotency_key

POLICY = Policy()
SESSION = UUID("01890000-0000-7000-8000-000000000001")
TOKENS = RefreshTokens([b"k" * 32])
KEY = digest_idempotency_key("attempt-1")


def state(**changes: object) -> SessionState:
    base = SessionState(
        id=SESSION,
        subject="1",
        secret="secret",
        counter=5,
        method="password",
        transport="bearer",
        created_at=0.0,
        rotated_at=1_000.0,
        idle_expires_at=100_000.0,
        absolute_expires_at=200_000.0,
        revoked_at=None,
        idempotency=KEY,
        auth_hash="h1",
        user_auth_hashes=("h1",),
        user_active=True,
        epoch=0,
        now=1_005.0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def outcome(decision: Decision) -> str:
    if decision.error is not None:
        return decision.error.code + (" ends" if decision.ends_session else "")
    return decision.action if decision.action == "repeat" else f"rotate to {decision.counter}"


def test_a_token_is_what_the_format_says() -> None:
    """Stored nowhere, it must come out the same in every version of this library."""
    key = hmac.digest(b"k" * 32, b"drf-lanyard refresh token", "sha256")
    key_id = hmac.digest(key, b"key id", "sha256")[:4]
    counter = (5).to_bytes(8, "big")
    mac = hmac.digest(key, SESSION.bytes + counter + b"secret", "sha256")
    expected = PREFIX + base64.urlsafe_b64encode(key_id + SESSION.bytes + counter + mac).decode()
    assert TOKENS.derive(SESSION, "secret", 5) == expected


AGES = {
    "in the grace": 1_009.9,
    "at its end": 1_010.0,
    "later": 50_000.0,
    "clock set back": 900.0,
    "set back a little": 995.0,
}
#: (counter presented, age) -> outcome without and with the rotation's Idempotency-Key. The session's counter is 5.
LIVE: dict[tuple[int, str], tuple[str, str]] = {
    (5, "in the grace"): ("repeat", "repeat"),
    (5, "at its end"): ("rotate to 6", "rotate to 6"),
    (5, "later"): ("rotate to 6", "rotate to 6"),
    (5, "clock set back"): ("rotate to 6", "rotate to 6"),
    (5, "set back a little"): ("repeat", "repeat"),
    (4, "in the grace"): ("repeat", "repeat"),
    (4, "at its end"): ("refresh_reused ends", "repeat"),
    (4, "later"): ("refresh_reused ends", "repeat"),
    (4, "clock set back"): ("refresh_reused ends", "repeat"),
    (4, "set back a little"): ("repeat", "repeat"),
    (3, "in the grace"): ("refresh_reused ends", "refresh_reused ends"),
    (3, "at its end"): ("refresh_reused ends", "refresh_reused ends"),
    (3, "later"): ("refresh_reused ends", "refresh_reused ends"),
    (3, "clock set back"): ("refresh_reused ends", "refresh_reused ends"),
    (3, "set back a little"): ("refresh_reused ends", "refresh_reused ends"),
    (6, "in the grace"): ("rotate to 7", "rotate to 7"),
    (6, "at its end"): ("rotate to 7", "rotate to 7"),
    (6, "later"): ("rotate to 7", "rotate to 7"),
    (6, "clock set back"): ("rotate to 7", "rotate to 7"),
    (6, "set back a little"): ("rotate to 7", "rotate to 7"),
    (90, "later"): ("rotate to 91", "rotate to 91"),
}


@pytest.mark.parametrize(("presented", "age"), LIVE)
def test_a_live_session_goes_by_the_table(presented: int, age: str) -> None:
    now = state(now=AGES[age])

    plain, keyed = LIVE[presented, age]

    assert outcome(decide(now, presented, "", POLICY)) == plain
    assert outcome(decide(now, presented, digest_idempotency_key("another"), POLICY)) == plain
    assert outcome(decide(now, presented, KEY, POLICY)) == keyed


def test_the_table_covers_every_pair() -> None:
    assert set(itertools.product((3, 4, 5, 6), AGES)) <= set(LIVE)


REFUSALS: dict[str, tuple[dict[str, object], str]] = {
    "revoked": ({"revoked_at": 1.0}, "token_revoked"),
    "inactive": ({"user_active": False}, "user_inactive ends"),
    "password changed": ({"user_auth_hashes": ("h2",)}, "token_revoked ends"),
    "idle too long": ({"idle_expires_at": 1_005.0}, "session_expired"),
    "absolute end": ({"absolute_expires_at": 1_005.0}, "session_expired"),
}


@pytest.mark.parametrize("presented", [0, 3, 4, 5, 6])
@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize("why", REFUSALS)
def test_a_dead_session_is_refused_whatever_is_presented(why: str, key: str, presented: int) -> None:
    changes, expected = REFUSALS[why]

    assert outcome(decide(state(**changes), presented, key, POLICY)) == expected


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(REFUSALS, 2)))
def test_the_first_matching_row_wins(first: str, second: str) -> None:
    both = state(**REFUSALS[second][0], **REFUSALS[first][0])

    assert outcome(decide(both, 5, "", POLICY)) == REFUSALS[first][1]


def test_hashes_under_retired_keys_count() -> None:
    assert outcome(decide(state(user_auth_hashes=("new", "h1")), 5, "", POLICY)) == "repeat"


def test_a_session_without_absolute_end_expires_only_when_idle() -> None:
    assert outcome(decide(state(absolute_expires_at=None, now=99_999.0), 5, "", POLICY)) == "rotate to 6"
    assert outcome(decide(state(absolute_expires_at=None, now=100_000.0), 5, "", POLICY)) == "session_expired"


def test_a_rotation_without_key_is_not_repeated_for_an_empty_one() -> None:
    assert outcome(decide(state(idempotency="", now=50_000.0), 4, "", POLICY)) == "refresh_reused ends"


# The tokens


def test_a_token_has_one_width_and_can_be_derived_again() -> None:
    tokens = {TOKENS.derive(SESSION, "secret", counter) for counter in (0, 1, 2**40)}

    assert {len(token) for token in tokens} == {84}
    assert len(tokens) == 3
    assert TOKENS.derive(SESSION, "secret", 1) in tokens


def test_a_genuine_token_says_what_it_is_for() -> None:
    presented = TOKENS.parse(TOKENS.derive(SESSION, "secret", 7))

    assert (presented.session_id, presented.counter) == (SESSION, 7)
    assert TOKENS.is_genuine(presented, "secret")
    assert not TOKENS.is_genuine(presented, "another secret")
    assert "mac" not in repr(presented)


def test_neither_the_database_nor_the_key_alone_forges_a_token() -> None:
    without_key = RefreshTokens([b"x" * 32]).derive(SESSION, "secret", 7)
    without_secret = TOKENS.derive(SESSION, "guess", 7)

    for forged in (without_key, without_secret):
        assert not TOKENS.is_genuine(TOKENS.parse(forged), "secret")


def test_tokens_under_a_retired_key_are_accepted_and_new_ones_use_the_new_key() -> None:
    old, both = RefreshTokens([b"o" * 32]), RefreshTokens([b"n" * 32, b"o" * 32])
    retired = old.derive(SESSION, "secret", 1)

    assert both.is_genuine(both.parse(retired), "secret")
    assert both.derive(SESSION, "secret", 1) == RefreshTokens([b"n" * 32]).derive(SESSION, "secret", 1)
    assert not TOKENS.is_genuine(TOKENS.parse(retired), "secret")


@pytest.mark.parametrize("secrets", [[], [b""], [b"k" * 31], [b"k" * 32, b"short"]])
def test_weak_server_secrets_are_refused_at_start_up(secrets: list[bytes]) -> None:
    with pytest.raises(ConfigurationError):
        RefreshTokens(secrets)


@given(st.text() | st.binary().map(lambda raw: PREFIX + base64.urlsafe_b64encode(raw).decode()))
def test_any_text_is_a_token_or_malformed(text: str) -> None:
    try:
        presented = TOKENS.parse(text)
    except TokenMalformed:
        return
    assert not TOKENS.is_genuine(presented, "secret")


@given(st.integers(0, 83), st.characters(codec="utf-8"))
def test_a_token_has_one_spelling(place: int, character: str) -> None:
    token = TOKENS.derive(SESSION, "secret", 7)
    changed = token[:place] + character + token[place + 1 :]

    if changed == token:
        return
    try:
        presented = TOKENS.parse(changed)
    except TokenMalformed:
        return
    assert not TOKENS.is_genuine(presented, "secret")


@pytest.mark.parametrize(
    "spoil", [lambda t: t + "=", lambda t: t + "\n", lambda t: " " + t, lambda t: t[:-1], str.upper]
)
def test_other_spellings_are_malformed(spoil: object) -> None:
    token = TOKENS.derive(SESSION, "secret", 7)

    with pytest.raises(TokenMalformed):
        TOKENS.parse(spoil(token))  # type: ignore[operator]


def test_the_standard_alphabet_is_not_ours() -> None:
    tokens = (TOKENS.derive(SESSION, "secret", counter) for counter in range(100))
    token = next(token for token in tokens if "-" in token or "_" in token[len(PREFIX) :])
    body = token[len(PREFIX) :].replace("-", "+").replace("_", "/")

    with pytest.raises(TokenMalformed):
        TOKENS.parse(PREFIX + body)


# Ids


def test_session_ids_are_version_7_and_sort_by_time() -> None:
    ids = [uuid7(now) for now in (1.0, 2.0, 1_700_000_000.0, 1_700_000_000.001)]

    assert all((i.version, i.variant) == (7, "specified in RFC 4122") for i in ids)
    assert ids == sorted(ids)
    assert len({uuid7(1.0) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "changes",
    [
        {"access_lifetime": 0},
        {"lease": -1},
        {"read_timeout": 0},
        {"refresh_grace": -1},
        {"leeway": -0.1},
        {"session_lifetime": 0},
        {"max_sessions": 0},
        {"access_lifetime": 7200.0, "refresh_lifetime": 3600.0},
    ],
)
def test_a_policy_that_cannot_work_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Policy(**changes)  # type: ignore[arg-type]


def test_the_log_remembers_longer_than_any_token_lives() -> None:
    assert Policy().retention == 3600
    assert Policy(access_lifetime=7200.0).retention > 2 * 7200
