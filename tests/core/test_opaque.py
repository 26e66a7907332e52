"""API tokens as text."""

import hashlib
import math
import re
import string
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drf_lanyard.core.opaque import ApiTokens, digest

ALPHABET = string.ascii_letters + string.digits
tokens = ApiTokens()


def base62(number: int) -> str:
    """Written another way than the code's own."""
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    return "".join(digits[number // 62**place % 62] for place in reversed(range(6)))


def spelled_like_one(body: str, prefix: str = "lan_") -> str:
    """Any text with a checksum that fits."""
    return prefix + body + base62(zlib.crc32((prefix + body).encode()))


def test_the_form() -> None:
    token = tokens.mint()
    assert re.fullmatch(r"lan_[0-9A-Za-z]{46}", token)
    assert token == spelled_like_one(token[4:-6])
    assert tokens.is_well_formed(token) and tokens.looks_like_one(token)


def test_a_known_answer() -> None:
    """So that tokens of an older version stay tokens."""
    assert zlib.crc32(b"lan_" + b"A" * 40) == 2_172_115_876
    assert tokens.is_well_formed("lan_" + "A" * 40 + "2MzyZ2")


def test_the_digest_is_of_the_whole_token() -> None:
    token = tokens.mint()
    assert digest(token) == hashlib.sha256(token.encode()).hexdigest()


def test_forty_characters_are_238_bits() -> None:
    assert int(40 * math.log2(len(ALPHABET))) == 238


def test_every_character_is_as_likely_as_any_other() -> None:
    """Chi-squared with 61 degrees of freedom: above 140 once in tens of millions of runs of a fair draw."""
    counts = Counter("".join(tokens.mint()[4:-6] for _ in range(500)))
    expected = 500 * 40 / 62
    assert set(counts) == set(ALPHABET)
    assert sum((counts[one] - expected) ** 2 / expected for one in ALPHABET) < 140


def test_none_comes_twice() -> None:
    assert len({tokens.mint() for _ in range(1000)}) == 1000


def test_every_slip_of_one_character_is_noticed() -> None:
    token = tokens.mint()
    for place in range(len(token)):
        for other in "0Aa_é":
            changed = token[:place] + other + token[place + 1 :]
            assert tokens.is_well_formed(changed) == (changed == token), changed


def test_neighbours_that_changed_places_are_noticed() -> None:
    token = tokens.mint()
    for place in range(len(token) - 1):
        swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
        assert tokens.is_well_formed(swapped) == (swapped == token)


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    assert not tokens.is_well_formed(text)
    assert not tokens.is_well_formed("lan_" + text)


@pytest.mark.parametrize(
    "body",
    ["", "a" * 39, "a" * 41, "a" * 39 + "-", "a" * 39 + "_", "a" * 39 + " ", "a" * 39 + "é", "a" * 39 + "\n", "٣" * 40],
)
def test_length_and_alphabet_count_even_if_the_checksum_fits(body: str) -> None:
    assert not tokens.is_well_formed(spelled_like_one(body))


@pytest.mark.parametrize("spoil", ["{}\n", " {}", "{} ", "{}a", "\0{}", "{}\0"])
def test_nothing_may_stand_around_it(spoil: str) -> None:
    assert not tokens.is_well_formed(spoil.format(tokens.mint()))


def test_a_lone_surrogate_is_no_error() -> None:
    assert not tokens.is_well_formed("lan_" + "\ud800" * 46)


def test_another_prefix() -> None:
    shop = ApiTokens("shop_")
    token = shop.mint()
    assert token.startswith("shop_") and shop.is_well_formed(token)
    assert not tokens.looks_like_one(token) and not tokens.is_well_formed(token)
    assert not tokens.is_well_formed("lan_" + token[5:]), "the prefix is part of what the checksum is about"
