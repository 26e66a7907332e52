"""Options of API tokens and of cookies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .values import BadValue, Parser, duration

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}_\Z")
_COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokenOptions:
    #: What every token begins with, for people and secret scanners to recognise it by.
    prefix: str = "lan_"
    #: Seconds until a token dies for which nobody asked for another lifetime; None: it does not.
    lifetime: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    #: The cookies are named `__Host-<name>-access` and `__Host-<name>-refresh`.
    name: str = "lanyard"


def api_token(value: Any) -> ApiTokenOptions:
    """`{"PREFIX": "shop_", "LIFETIME": timedelta(days=365)}`"""
    return ApiTokenOptions(**_parsed(value, {"PREFIX": _prefix, "LIFETIME": duration(least=60, optional=True)}))


def cookie(value: Any) -> CookieOptions:
    """`{"NAME": "shop"}`"""
    return CookieOptions(**_parsed(value, {"NAME": _cookie_name}))


def _parsed(value: Any, parsers: Mapping[str, Parser]) -> dict[str, Any]:
    known = f"The options are: {', '.join(parsers)}."
    if not isinstance(value, Mapping):
        raise BadValue("must be a dictionary.", known)
    if unknown := [key for key in value if key not in parsers]:
        raise BadValue(f"has no option {unknown[0]!r}.", known)
    return {key.lower(): parsers[key](given) for key, given in value.items()}


def _prefix(value: Any) -> str:
    if not isinstance(value, str) or not _PREFIX.match(value):
        raise BadValue('["PREFIX"] must be letters, digits and underscores.', 'Write 2 to 17 characters, as "shop_".')
    return value


def _cookie_name(value: Any) -> str:
    if not isinstance(value, str) or not _COOKIE_NAME.match(value):
        raise BadValue('["NAME"] must be letters, digits, - and _.', 'Write up to 64 characters, as "shop".')
    return value
