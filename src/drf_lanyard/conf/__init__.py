"""The only reader of Django's settings: `LANYARD`, SECRET_KEY and SECRET_KEY_FALLBACKS become one frozen value.

Read late and dropped whenever a setting that it depends on changes, so `override_settings` works.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from ..core.errors import ConfigurationError
from ..core.keys import KeyRing
from ..core.model import SessionState, Transport
from ..core.policy import DAY, Policy
from . import keys, methods, urls, values
from .methods import ApiTokenOptions, CookieOptions
from .names import hint_for
from .throttle import Rate, Throttle, throttle
from .values import BadValue, Parser, UserLoading

__all__ = ["DEFAULTS", "RELOADED_BY", "Problem", "Rate", "Settings", "Throttle", "get_settings", "problems"]

#: A change of one of these (`override_settings`) makes everything built from settings out of date.
RELOADED_BY = frozenset(
    {"LANYARD", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "AUTH_USER_MODEL", "DATABASES", "DATABASE_ROUTERS", "USE_TZ"}
)

#: Every key of LANYARD with its default, as a project would write it, and its parser.
_TABLE: Mapping[str, tuple[Any, Parser]] = MappingProxyType(
    {
        "ISSUER": ("drf-lanyard", values.name),
        "AUDIENCE": ("drf-lanyard", values.name),
        "ACCESS_TOKEN_LIFETIME": (300, values.duration(least=1)),
        "REFRESH_TOKEN_LIFETIME": (14 * DAY, values.duration(least=1)),
        "SESSION_LIFETIME": (90 * DAY, values.duration(least=1, optional=True)),
        "REFRESH_GRACE": (10, values.duration(least=0)),
        "LEASE": (1, values.duration(least=0.01)),
        "READ_TIMEOUT": (2, values.duration(least=0.01)),
        "LEEWAY": (5, values.duration(least=0)),
        "SIGNING_KEYS": ((), keys.signing_keys),
        "TRANSPORTS": (("bearer", "hybrid", "cookie", "session"), values.transports),
        "BEARER_ORIGINS": ((), urls.origins),
        "TRUSTED_ORIGINS": ((), urls.origins),
        "COOKIE": (MappingProxyType({}), methods.cookie),
        "CLAIMS": (None, values.claims),
        "USER_LOADING": ("lazy", values.user_loading),
        "USER_SERIALIZER": (None, values.serializer),
        "PUSH_URL": (None, values.push_url),
        "MAX_SESSIONS": (None, values.whole(least=1, optional=True)),
        "API_TOKEN": (MappingProxyType({}), methods.api_token),
        "THROTTLE": (MappingProxyType({}), throttle),
        "NUM_PROXIES": (0, values.whole(least=0)),
        "PASSWORD_RESET_URL": (None, urls.password_reset_url),
    }
)
DEFAULTS: Mapping[str, Any] = MappingProxyType({name: default for name, (default, _) in _TABLE.items()})

_POLICY = {
    "ACCESS_TOKEN_LIFETIME": "access_lifetime",
    "REFRESH_TOKEN_LIFETIME": "refresh_lifetime",
    "SESSION_LIFETIME": "session_lifetime",
    "REFRESH_GRACE": "refresh_grace",
    "LEASE": "lease",
    "READ_TIMEOUT": "read_timeout",
    "LEEWAY": "leeway",
    "MAX_SESSIONS": "max_sessions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a project asked for, typed. Times are in the policy, in seconds."""

    issuer: str
    audience: str
    policy: Policy
    keys: KeyRing = field(repr=False)
    #: 32 bytes each; the first derives refresh tokens, all are accepted.
    refresh_secrets: tuple[bytes, ...] = field(repr=False)
    transports: tuple[Transport, ...]
    bearer_origins: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    cookie: CookieOptions
    claims: Callable[[Any, SessionState | None], Mapping[str, Any]] | None
    user_model: str
    user_loading: UserLoading
    user_serializer: type[Any] | None
    push_url: str | None = field(repr=False)  # it may hold a password
    push_keys: tuple[bytes, ...] = field(repr=False)
    api_token: ApiTokenOptions
    throttle: Throttle
    #: How many proxies in front add to X-Forwarded-For; 0: the header is not looked at.
    num_proxies: int
    password_reset_url: str | None


class Problem(NamedTuple):
    """Something wrong with `key`. `kind`: "unknown", "value", "key" (a signing key), "import"."""

    key: str
    kind: str
    message: str
    hint: str


def get_settings() -> Settings:
    """The settings in force. Raises ConfigurationError that names the first key that is wrong."""
    global _current
    if (current := _current) is None:
        read, wrong = _read()
        if wrong:
            raise ConfigurationError(f"{wrong[0].message} {wrong[0].hint}")
        current = _current = _build(read)
    return current


def problems() -> list[Problem]:
    """Everything that is wrong with LANYARD, for the system checks. Never raises."""
    return _read()[1]


_current: Settings | None = None


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _current
    if setting in RELOADED_BY:
        _current = None


setting_changed.connect(_forget, dispatch_uid="drf_lanyard.conf")


def _read() -> tuple[dict[str, Any], list[Problem]]:
    """Every setting parsed, the defaults included, and what is wrong."""
    given = getattr(django_settings, "LANYARD", {})
    if not isinstance(given, Mapping):
        return {}, [Problem("LANYARD", "value", "LANYARD must be a dictionary.", 'Write LANYARD = {"ISSUER": "shop"}.')]
    wrong = [
        Problem(str(key), "unknown", f"LANYARD has no setting {key!r}.", hint_for(key, _TABLE))
        for key in given
        if key not in _TABLE
    ]
    read: dict[str, Any] = {}
    for name, (default, parse) in _TABLE.items():
        try:
            read[name] = parse(given.get(name, default))
        except BadValue as error:
            gap = "" if error.message.startswith("[") else " "
            wrong.append(Problem(name, error.kind, f"LANYARD: {name}{gap}{error.message}", error.hint))
    if _POLICY.keys() <= read.keys():
        read["policy"] = _policy(read, wrong)
    return read, wrong


def _policy(read: Mapping[str, Any], wrong: list[Problem]) -> Policy | None:
    """The core's own rules about combinations; its messages name fields, ours the settings."""
    try:
        return Policy(**{attribute: read[name] for name, attribute in _POLICY.items()})
    except ConfigurationError as error:
        message = str(error)
        named = [name for name, attribute in _POLICY.items() if attribute in message]
        for name, attribute in _POLICY.items():
            message = message.replace(attribute, name)
        wrong.append(
            Problem(named[0] if named else "LANYARD", "value", f"LANYARD: {message}", "Change either of them.")
        )
        return None


def _build(read: Mapping[str, Any]) -> Settings:
    secrets = (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)
    return Settings(
        issuer=read["ISSUER"],
        audience=read["AUDIENCE"],
        policy=read["policy"],
        keys=read["SIGNING_KEYS"] or keys.derived_key_ring(secrets),
        refresh_secrets=keys.refresh_secrets(secrets),
        transports=read["TRANSPORTS"],
        bearer_origins=read["BEARER_ORIGINS"],
        trusted_origins=read["TRUSTED_ORIGINS"],
        cookie=read["COOKIE"],
        claims=read["CLAIMS"],
        user_model=django_settings.AUTH_USER_MODEL,
        user_loading=read["USER_LOADING"],
        user_serializer=read["USER_SERIALIZER"],
        push_url=read["PUSH_URL"],
        push_keys=keys.push_keys(secrets, read["ISSUER"]),
        api_token=read["API_TOKEN"],
        throttle=read["THROTTLE"],
        num_proxies=read["NUM_PROXIES"],
        password_reset_url=read["PASSWORD_RESET_URL"],
    )
