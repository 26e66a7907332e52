"""Base64url without padding (RFC 7515 appendix C), and nothing else that happens to decode."""

from binascii import a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
# "!" is in no alphabet, so the spellings that belong to other variants of Base64 are refused by strict_mode.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")


def encode(data: bytes) -> bytes:
    """The one spelling of `data`: URL-safe alphabet, no padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=")


def decode(text: bytes) -> bytes:
    """The bytes that `text` spells. Unused trailing bits are not looked at.

    Raises ValueError for padding, white space and characters of another alphabet.
    """
    return a2b_base64(text.translate(_TO_STANDARD) + b"=" * (-len(text) % 4), strict_mode=True)


def decode_canonical(text: bytes) -> bytes:
    """As `decode`, but raises ValueError unless `text` is exactly what `encode` makes of the result."""
    data = decode(text)
    if encode(data) != text:
        raise ValueError("base64url text is not in its canonical form")
    return data
