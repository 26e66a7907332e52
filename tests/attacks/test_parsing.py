"""Attacks on the parser. The payloads are signed by our own key, so that they reach the decoder."""

import json

import pytest

from drf_lanyard.core import base64url
from drf_lanyard.core.access import MAX_TOKEN_LENGTH, AccessTokens
from drf_lanyard.core.errors import TokenMalformed
from drf_lanyard.core.keys import KeyRing
from tests.attacks.refusals import malformed
from tests.core.material import AUDIENCE, CLAIMS, ISSUER, NOW, SESSION, door, mint, payload, segment, sign, signing_key

DOOR = door()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"x"',
        b"{}",
        b"{}{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"{'iss':1}",
        payload().encode() + b"x",
        b"\0" + payload().encode(),
        payload().encode("utf-16"),
    ],
)
def test_a_payload_is_one_json_object(content: bytes) -> None:
    malformed(DOOR, sign(content))


def deep(opening: str, closing: str, middle: str = "1") -> str:
    """A payload with JSON nested as deep as the length allows; the door never sees a longer one."""
    depth = (MAX_TOKEN_LENGTH * 3 // 4 - 600) // (len(opening) + len(closing))
    return payload(x=opening * depth + middle + closing * depth)


@pytest.mark.parametrize("content", [deep("[", ""), deep('{"":', "", "")], ids=["lists", "objects"])
def test_the_deepest_open_json_that_fits_is_refused(content: str) -> None:
    token = sign(content)
    assert len(token) <= MAX_TOKEN_LENGTH
    malformed(DOOR, token)


@pytest.mark.parametrize("content", [deep("[", "]"), deep('{"":', "}")], ids=["lists", "objects"])
def test_the_deepest_closed_json_that_fits_is_read_or_refused(content: str) -> None:
    """How deep the interpreter goes depends on its version; what comes out does not."""
    token = sign(content)
    assert len(token) <= MAX_TOKEN_LENGTH
    try:
        principal = DOOR.verify(token, NOW)
    except TokenMalformed:
        return
    assert principal.session_id == SESSION


@pytest.mark.parametrize("opening", ["[", '{"":'])
def test_a_depth_of_a_hundred_thousand_is_refused(opening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign(payload(x=opening * 100_000))
    malformed(DOOR, token)
    monkeypatch.setattr("drf_lanyard.core.access.MAX_TOKEN_LENGTH", 10**7)  # and without the cap, too
    malformed(DOOR, token)


class Untouchable(KeyRing):
    """A ring whose keys nobody may ask for."""

    def __init__(self) -> None:
        super().__init__(signing_key("HS256"))
        self.find = self._fail

    def _fail(self, header: str) -> None:
        raise AssertionError("the key was looked up")


@pytest.mark.parametrize("size", [MAX_TOKEN_LENGTH + 1, 1_000_000, 10_000_000])
def test_a_token_that_is_too_long_touches_neither_key_nor_decoder(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise AssertionError("something was decoded")

    token = sign(payload(x='"' + "x" * size + '"'))[:size]
    tokens = AccessTokens(Untouchable(), issuer=ISSUER, audience=AUDIENCE, lifetime=300, leeway=5)
    monkeypatch.setattr(base64url, "decode", fail)
    monkeypatch.setattr(tokens, "_decode", fail)
    monkeypatch.setattr(tokens, "_open", fail)
    for attempt in (token, "." * size, token[: size - 2] + "..", "é" * size):
        with pytest.raises(TokenMalformed):
            tokens.verify(attempt, NOW)


def test_the_cap_is_exact() -> None:
    tokens = [sign(payload(x='"' + "x" * size + '"')) for size in range(5500, 6000)]
    accepted = [token for token in tokens if len(token) <= MAX_TOKEN_LENGTH]
    assert 0 < len(accepted) < len(tokens)
    assert all(DOOR.verify(token, NOW).user_id == "42" for token in accepted)
    for token in tokens[len(accepted) :]:
        with pytest.raises(TokenMalformed):
            DOOR.verify(token, NOW)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8000])
def test_a_token_has_three_segments(count: int) -> None:
    head, body, signature = mint(DOOR).split(".")
    malformed(DOOR, ".".join([head] * (count + 1)))
    if count > 1:
        malformed(DOOR, ".".join([head, body, signature] + ["A"] * (count - 2)))
        malformed(DOOR, ".".join([head] + [""] * (count - 1) + [signature]))


def test_an_encrypted_token_is_refused() -> None:
    head = segment(json.dumps({"alg": "dir", "enc": "A128GCM"}).encode())
    for parts in ([head, "", "AAAA", "AAAA", "AAAA"], [mint(DOOR).split(".")[0], "", "AAAA", "AAAA", "AAAA"]):
        malformed(DOOR, ".".join(parts))


@pytest.mark.parametrize(
    "token",
    [
        None,
        5,
        1.5,
        True,
        b"a.b.c",
        bytearray(b"a.b.c"),
        [],
        ["a.b.c"],
        {},
        pytest.param(object(), id="an object"),
        ("a", "b", "c"),
    ],
    ids=repr,
)
def test_a_token_is_text(token: object) -> None:
    malformed(DOOR, token)


def test_a_good_token_in_bytes_is_no_text() -> None:
    malformed(DOOR, mint(DOOR).encode())


@pytest.mark.parametrize("character", ["é", "\u2000", "\x80", "\ud800", "\U0001f600", "\uff0e", "\u212a"])
def test_characters_beyond_ascii_are_refused_wherever_they_are(character: str) -> None:
    head, body, signature = mint(DOOR).split(".")
    for token in (
        character,
        f"{character}.{body}.{signature}",
        f"{head}.{character}{body}.{signature}",
        f"{head}.{body}.{character}{signature}",
        f"{head}.{body}.{signature}{character}",
        f"{head}.{body}{character}{signature}",
    ):
        malformed(DOOR, token)


@pytest.mark.parametrize("change", ["=", "==", " ", "\n", "+", "/", "!"])
def test_a_payload_in_another_base64_is_refused_even_when_it_is_signed(change: str) -> None:
    key = signing_key("HS256")
    signing_input = f"{KeyRing.header(key)}.{segment(payload().encode())}{change}"
    malformed(DOOR, f"{signing_input}.{segment(key.sign(signing_input.encode()))}")


def test_json_serialisation_of_a_token_is_refused() -> None:
    head, body, signature = mint(DOOR).split(".")
    malformed(DOOR, json.dumps({"protected": head, "payload": body, "signature": signature}))


# Duplicates.


def twice(name: str, first: str, second: str) -> str:
    return payload(**{name: None})[:-1] + f',"{name}":{first},"{name}":{second}}}'


@pytest.mark.parametrize("other", ['"1"', '"admin"'])
def test_every_view_of_a_doubled_claim_agrees(other: str) -> None:
    """Only our key signs and our mint writes each name once; should that change, there is still one reading."""
    for first, second in (('"42"', other), (other, '"42"')):
        principal = DOOR.verify(sign(twice("sub", first, second)), NOW)
        assert principal.user_id == principal.all_claims["sub"] == json.loads(second)


def test_a_doubled_claim_of_a_wrong_type_is_refused_in_either_place() -> None:
    malformed(DOOR, sign(twice("exp", "null", CLAIMS["exp"])))
    malformed(DOOR, sign(twice("exp", CLAIMS["exp"], "null")))


def test_an_escaped_name_is_the_same_name_in_every_view() -> None:
    principal = DOOR.verify(sign(payload()[:-1] + ',"\\u0073ub":"admin"}'), NOW)
    assert principal.user_id == principal.all_claims["sub"] == "admin"
