import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drf_lanyard.core import base64url


@given(st.binary(max_size=100))
@settings(deadline=None)
def test_base64url_has_one_spelling_and_round_trips(data: bytes) -> None:
    text = base64url.encode(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=")
    assert base64url.decode(text) == base64url.decode_canonical(text) == data


@pytest.mark.parametrize(
    "text", [b"QQ==", b"QQ=", b"Q", b"QUI\n", b" QUI", b"Q UI", b"-+", b"a/b_", b"QQ=Q", b"=", b"\xff\xff"]
)
def test_base64url_refuses_every_other_spelling(text: bytes) -> None:
    with pytest.raises(ValueError):
        base64url.decode(text)


def test_base64url_refuses_stray_bits() -> None:
    assert base64url.decode(b"QR") == base64url.decode(b"QQ") == b"A"
    with pytest.raises(ValueError, match="canonical"):
        base64url.decode_canonical(b"QR")
