"""Claims that are not what they should be, signed by our own key so that they reach the decoder."""

import json

import pytest

from drf_lanyard.core.errors import TokenExpired, TokenStale
from tests.attacks.refusals import invalid, malformed
from tests.core.material import AUDIENCE, CLAIMS, ISSUER, NOW, SESSION, door, payload, sign

DOOR = door()


def test_the_payload_these_tests_start_from_is_good() -> None:
    assert DOOR.verify(sign(payload()), NOW).session_id == SESSION


# Numbers.

NOT_SECONDS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    '""',
    '"1800000300"',
    '"soon"',
    "-1",
    "1800000300.0",
    "1800000300.5",
    "1.8e9",
    "01800000300",
    "+1800000300",
    "0x6B49D200",
    str(2**53 + 1),
    str(2**63),
    str(2**64),
    "1" + "0" * 400,
    "-1" + "0" * 400,
    "1" * 5000,
    "[1800000300]",
    "",
]


@pytest.mark.parametrize("value", NOT_SECONDS, ids=lambda value: value[:24] or "nothing")
@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a_time_is_a_whole_number_of_seconds(name: str, value: str) -> None:
    malformed(DOOR, sign(payload(**{name: value})))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "[", "tru", '"\\x"', "01", "1" + "0" * 400 + "x"])
def test_nbf_is_not_ours_but_still_json(value: str) -> None:
    malformed(DOOR, sign(payload(nbf=value)))


@pytest.mark.parametrize("value", ["0", "-0"])
def test_the_smallest_time_is_long_ago(value: str) -> None:
    with pytest.raises(TokenExpired):
        DOOR.verify(sign(payload(exp=value)), NOW)


def test_the_largest_time_is_beyond_any_policy() -> None:
    with pytest.raises(TokenStale):
        DOOR.verify(sign(payload(exp=str(2**53))), NOW)
    with pytest.raises(TokenStale):
        DOOR.verify(sign(payload(iat=str(2**53))), NOW)


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_is_needed(name: str) -> None:
    malformed(DOOR, sign(payload(**{name: None})))
    malformed(DOOR, sign(payload(**{name: "null"})))


@pytest.mark.parametrize("value", ["true", "null", "-1", "1.5", "1e400", '"3"', "[3]", str(2**63), "1" + "0" * 400])
def test_an_epoch_is_a_whole_number(value: str) -> None:
    malformed(DOOR, sign(payload(epoch=value)))


@pytest.mark.parametrize(
    "value", ['""', '"x"', "5", "null", '"../../etc/passwd"', f'"{SESSION}x"', f'["{SESSION}"]', '"' + "0" * 31 + '"']
)
def test_a_session_is_a_uuid(value: str) -> None:
    malformed(DOOR, sign(payload(sid=value)))


# Text.


@pytest.mark.parametrize(
    "value",
    [
        r'"\u0000"',
        r'"a\u0000b"',
        r'"\ud800"',
        r'"\udc00\ud800"',
        r'"a\ud800b"',
        '""',
        '"' + "x" * 256 + '"',
        "42",
        "null",
        '["42"]',
        '{"a":1}',
        '"\n"',
        r'"\x41"',
        '"a\tb"',
    ],
)
def test_a_subject_is_text_that_a_database_can_hold(value: str) -> None:
    malformed(DOOR, sign(payload(sub=value)))


@pytest.mark.parametrize("raw", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\0b", b"\xe2\x82"])
def test_a_subject_is_utf8(raw: bytes) -> None:
    malformed(DOOR, sign(payload(sub='"@"').encode().replace(b"@", raw)))


# Issuer and audience.


@pytest.mark.parametrize(
    "value",
    [
        "",
        ISSUER[:-1],
        ISSUER[1:],
        ISSUER + "/",
        ISSUER + ".evil.example",
        ISSUER.upper(),
        "https",
        ISSUER[3:10],
        " " + ISSUER,
        ISSUER + "\n",
        ISSUER + "\0",
    ],
)
def test_an_issuer_is_compared_whole(value: str) -> None:
    invalid(DOOR, sign(payload(iss=json.dumps(value))))


@pytest.mark.parametrize(
    "value", ["", AUDIENCE[:-1], AUDIENCE + "/", AUDIENCE + "0", ISSUER, AUDIENCE.upper(), f"{AUDIENCE} other"]
)
def test_an_audience_is_compared_whole(value: str) -> None:
    invalid(DOOR, sign(payload(aud=json.dumps(value))))


@pytest.mark.parametrize("name", ["iss", "aud"])
def test_an_issuer_or_audience_is_one_text(name: str) -> None:
    own = json.loads(CLAIMS[name])
    for value in ([own], [own, "other"], [], [[own]], {own: 1}, {}, 5, True, None):
        malformed(DOOR, sign(payload(**{name: json.dumps(value)})))
