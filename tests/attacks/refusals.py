"""What every refusal has in common: its class, its code, and that nothing is left behind or given away."""

import json

import pytest

from drf_lanyard.core.access import AccessTokens
from drf_lanyard.core.errors import TokenInvalid, TokenMalformed
from tests.core.material import NOW, segment


def header(**members: object) -> str:
    """A header segment with anything in it."""
    return segment(json.dumps(members, separators=(",", ":")).encode())


def invalid(tokens: AccessTokens, token: str) -> None:
    """In form, but not ours; refused twice in the same way."""
    for _ in range(2):
        with pytest.raises(TokenInvalid) as caught:
            tokens.verify(token, NOW)
        assert caught.value.code == "token_invalid"
        assert token not in str(caught.value)


def malformed(tokens: AccessTokens, token: object) -> None:
    """Not in a form that we issue; whatever the decoder said, and quoted, is not shown."""
    for _ in range(2):
        with pytest.raises(TokenMalformed) as caught:
            tokens.verify(token, NOW)  # type: ignore[arg-type]
        assert caught.value.code == "token_malformed"
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
