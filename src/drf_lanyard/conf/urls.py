"""Parsers for origins and for the link in a password-reset mail."""

import re
from string import Formatter
from typing import Any
from urllib.parse import urlsplit

from .values import BadValue, _strings

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ORIGIN_HINT = (
    'Write each as browsers send it: "https://app.example.com", lower case, without a path or a default port.'
)


def origins(value: Any) -> tuple[str, ...]:
    """Origins (RFC 6454 section 6.2), compared letter by letter with the `Origin` header; no wildcards, no "null"."""
    found = tuple(_strings(value, _ORIGIN_HINT))
    for origin in found:
        if not _ORIGIN.match(origin) or _has_default_port(origin):
            raise BadValue(f"has {origin!r}, which is not an origin.", _ORIGIN_HINT)
    return found


def _has_default_port(origin: str) -> bool:
    parts = urlsplit(origin)
    try:
        return parts.port is not None and parts.port == _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:  # a port over 65535 is no port
        return True


def password_reset_url(value: Any) -> str | None:
    """The page that a reset mail links to: absolute, with `{uid}` and `{token}`, or None for no such mail.

    A scheme of an app ("shop://reset/{uid}/{token}") will do.
    """
    hint = 'Write an absolute URL with both parts, such as "https://app.example.com/reset/{uid}/{token}".'
    if value is None:
        return None
    if not isinstance(value, str) or not re.match(r"[a-z][a-z0-9+.-]*://[^/]", value):
        raise BadValue("must be an absolute URL.", hint)
    try:
        fields = {field for _, field, *rest in Formatter().parse(value) if field is not None}
    except ValueError:
        fields = set()
    if fields != {"uid", "token"}:
        raise BadValue("must contain {uid} and {token}, and no other braces.", hint)
    return value
