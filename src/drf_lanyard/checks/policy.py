"""Checks of the project's settings: what cannot work, and what works but promises less."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage

from ..conf import get_settings, problems
from ..core.policy import HOUR
from .catalogue import message

MIN_SECRET_KEY_BYTES = 32
MIN_DISTINCT_BYTES = 5
_NUMBERS = {"unknown": "E001", "value": "E002", "key": "E003", "import": "E004"}
#: Id, setting, field of the policy, most seconds without a warning, hint.
_LIMITS = (
    ("W002", "LEASE", "lease", 10.0, "Keep the default of 1 second."),
    ("W003", "ACCESS_TOKEN_LIFETIME", "access_lifetime", HOUR, "Clients refresh by themselves: keep minutes."),
    ("W004", "REFRESH_GRACE", "refresh_grace", 60.0, "Keep seconds: late retries have the Idempotency-Key."),
    ("W005", "LEEWAY", "leeway", 60.0, "Let NTP keep the servers' clocks, and keep seconds."),
)
_LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """E001 to E004: `LANYARD` cannot be used as it is."""
    return [message(_NUMBERS[kind], text, hint, key) for key, kind, text, hint in problems()]


def check_user_model(**kwargs: Any) -> list[CheckMessage]:
    """W015: without these nobody is refused after a deactivation or a password change."""
    user = get_user_model()
    missing = [name for name in ("is_active", "get_session_auth_hash") if not hasattr(user, name)]
    if not missing:
        return []
    text = f"The user model {user._meta.label} has no {' and no '.join(missing)}."
    return [message("W015", text, "Let it inherit from django.contrib.auth.models.AbstractBaseUser.", user)]


def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """W001: access tokens (without SIGNING_KEYS) and refresh tokens are keyed from SECRET_KEY.

    Whoever holds one access token can try keys offline, as fast as the machine allows.
    """
    secret = settings.SECRET_KEY
    raw = secret.encode() if isinstance(secret, str) else bytes(secret)
    if len(raw) >= MIN_SECRET_KEY_BYTES and len(set(raw)) >= MIN_DISTINCT_BYTES:
        return []
    text = f"SECRET_KEY has less than {MIN_SECRET_KEY_BYTES} bytes or less than {MIN_DISTINCT_BYTES} different ones."
    hint = "Use django.core.management.utils.get_random_secret_key(); keep the old one in SECRET_KEY_FALLBACKS."
    return [message("W001", text, hint)]


def check_policy(**kwargs: Any) -> list[CheckMessage]:
    """W002 to W005: values that are allowed and weaken what the library is for."""
    if problems():
        return []
    policy = get_settings().policy
    return [
        message(number, f"LANYARD: {name} is {value:g} seconds, more than {most:g}.", hint, name)
        for number, name, attribute, most, hint in _LIMITS
        if (value := getattr(policy, attribute)) > most
    ]


def check_reset_link(**kwargs: Any) -> list[CheckMessage]:
    """W008: whoever reads the link may set the password."""
    if settings.DEBUG or problems():
        return []
    url = get_settings().password_reset_url
    if url is None or not url.startswith("http://") or url.startswith(_LOCAL):
        return []
    return [
        message("W008", "LANYARD: PASSWORD_RESET_URL starts with http://.", "Write https://.", "PASSWORD_RESET_URL")
    ]


def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """W011: then REMOTE_ADDR is the proxy's, and everybody shares one limit and one address in the list of devices."""
    if problems() or get_settings().num_proxies:
        return []
    signs = ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
    found = [name for name in signs if getattr(settings, name)]
    if not found:
        return []
    text = f"{found[0]} tells of a proxy, but LANYARD: NUM_PROXIES is 0."
    return [message("W011", text, "Set NUM_PROXIES to how many proxies add to X-Forwarded-For.", "NUM_PROXIES")]
