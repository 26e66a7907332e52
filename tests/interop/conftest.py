"""Tokens of every algorithm, minted by the clock of the wall: other libraries read no other."""

import time

import pytest

from drf_lanyard.core.algorithms import ALGORITHMS
from drf_lanyard.core.keys import KeyRing
from tests.core.material import door, mint, signing_key

CLAIMS = {"roles": ["author", "editor"], "name": "Ægir 𝄞", "nested": {"a": [1, 2.5, None, True]}}


@pytest.fixture(scope="session")
def tokens() -> dict[str, str]:
    now = time.time()
    return {name: mint(door(signing_key(name)), now=now, claims=CLAIMS) for name in ALGORITHMS}


@pytest.fixture(scope="session")
def published() -> dict[str, list[dict[str, str]]]:
    """What a site with all these keys publishes."""
    first, *rest = (signing_key(name) for name in ALGORITHMS)
    return KeyRing(first, rest).jwks()


def tampered(token: str) -> str:
    """The same token with one bit of the signature changed, in the middle."""
    place = len(token) - 10
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
