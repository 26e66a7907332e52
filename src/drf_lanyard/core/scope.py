"""Scopes: what a credential may do, in words of the project's own (RFC 6749 section 3.3)."""

import re
from collections.abc import Iterable

#: Characters that a credential's scopes have together.
MAX_SCOPE = 1000

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")


def join_scopes(scopes: Iterable[str]) -> str:
    """The scopes as one text, each once, in the order given. Raises ValueError that says what is wrong."""
    if isinstance(scopes, str):
        raise ValueError("Scopes are a list of texts.")
    names = list(dict.fromkeys(scopes))
    for name in names:
        if not isinstance(name, str) or not _SCOPE_TOKEN.match(name):
            raise ValueError(f"{name!r} is not a scope: printable ASCII characters without space, quote and backslash.")
    text = " ".join(names)
    if len(text) > MAX_SCOPE:
        raise ValueError(f"The scopes have {len(text)} characters together; {MAX_SCOPE} fit.")
    return text
