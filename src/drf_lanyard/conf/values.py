"""Parsers: from what a project writes in `LANYARD` to a typed value.

Each takes one value and returns it typed, or raises `BadValue` with a sentence that follows the setting's name and a
hint that says what to write instead. No parser quotes a value that may be a secret.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, get_args

from django.utils.module_loading import import_string

from ..core.model import Transport

Parser = Callable[[Any], Any]
UserLoading = Literal["lazy", "eager"]


class BadValue(ValueError):
    """`message` reads on after the setting's name: "must be …"."""

    def __init__(self, message: str, hint: str, kind: str = "value") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kind = kind


def name(value: Any) -> str:
    """An issuer or audience: 1 to 255 characters (RFC 7519 section 4.1.1: a StringOrURI)."""
    if not isinstance(value, str) or not 1 <= len(value) <= 255:
        raise BadValue(
            "must be a text of 1 to 255 characters.", 'Write a name or a URL, such as "https://api.example.com".'
        )
    return value


def duration(*, least: float, optional: bool = False) -> Parser:
    """Seconds as a number, or a timedelta; at least `least` seconds."""
    hint = f"Write seconds (300) or timedelta(minutes=5), at least {least:g} seconds{', or None' if optional else ''}."

    def parse(value: Any) -> float | None:
        if value is None and optional:
            return None
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
            raise BadValue("must be a duration: a number of seconds or a timedelta.", hint)
        if seconds < least:
            raise BadValue(f"must be at least {least:g} seconds.", hint)
        return float(seconds)

    return parse


def whole(*, least: int, optional: bool = False) -> Parser:
    """An integer of at least `least`."""
    hint = f"Write a whole number of at least {least}{', or None for no bound' if optional else ''}."

    def parse(value: Any) -> int | None:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise BadValue(f"must be a whole number of at least {least}.", hint)
        return value

    return parse


def transports(value: Any) -> tuple[Transport, ...]:
    """Some of the transports, at least one, each once."""
    known = get_args(Transport)
    names = _strings(value, f"Write a list with some of: {', '.join(known)}.")
    if not names or len(set(names)) != len(names) or not set(names) <= set(known):
        raise BadValue("must name one or more transports, each once.", f"Choose from: {', '.join(known)}.")
    return tuple(known[known.index(one)] for one in names)


def user_loading(value: Any) -> UserLoading:
    """How `request.user` is loaded."""
    for known in get_args(UserLoading):
        if value == known:
            loading: UserLoading = known
            return loading
    raise BadValue('must be "lazy" or "eager".', '"lazy" costs no query per request; "eager" loads the user each time.')


def claims(value: Any) -> Callable[..., Mapping[str, Any]] | None:
    """The callable `(user, session) -> dict`, or the dotted path of one, or None."""
    hint = 'Write the dotted path of a function (user, session) -> dict, such as "shop.tokens.claims".'
    found = _imported(value, hint)
    if found is not None and not callable(found):
        raise BadValue("must be callable.", hint, "import")
    return found  # type: ignore[no-any-return]


def serializer(value: Any) -> type[Any] | None:
    """A DRF serializer class, or the dotted path of one, or None."""
    hint = 'Write the dotted path of a serializer class, such as "shop.serializers.UserSerializer".'
    found = _imported(value, hint)
    if found is None:
        return None
    from rest_framework.serializers import BaseSerializer  # here, so that reading other settings never loads it

    if not (isinstance(found, type) and issubclass(found, BaseSerializer)):
        raise BadValue("must be a serializer class.", hint, "import")
    return found


def push_url(value: Any) -> str | None:
    """Where revocations are pushed: None, "postgres", or a URL of Redis, Valkey or PostgreSQL."""
    schemes = ("redis://", "rediss://", "unix://", "postgres://", "postgresql://")
    if value is None or value == "postgres" or (isinstance(value, str) and value.startswith(schemes)):
        return value  # type: ignore[no-any-return]
    raise BadValue("is not a place to push to.", 'Write None, "postgres" or a URL such as "redis://127.0.0.1:6379/0".')


def _strings(value: Any, hint: str) -> Sequence[str]:
    """A list, tuple or set of texts; a bare text is the usual slip and is refused."""
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(one, str) for one in value):
        raise BadValue("must be a list of texts.", hint)
    return sorted(value) if isinstance(value, set | frozenset) else value


def _imported(value: Any, hint: str) -> Any:
    """What a dotted path names; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise BadValue(f"names {value!r}, which cannot be imported: {error}", hint, "import") from None
