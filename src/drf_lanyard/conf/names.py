"""What to say about a name in `LANYARD` that is not ours."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from types import MappingProxyType

_ALWAYS = "Remove it: this is how drf-lanyard always works."
_KEYS = 'Use SIGNING_KEYS: [{"algorithm": "ES256", "key": PEM_TEXT}]; without it a key is derived from SECRET_KEY.'
_SLIDING = "There are no sliding tokens: use access and refresh tokens; REFRESH_TOKEN_LIFETIME is an idle expiry."
_SERIALIZER = (
    "Subclass the view in drf_lanyard.rest and route to it; for claims use CLAIMS, for the user USER_SERIALIZER."
)
_FIXED = "Remove it: the names of the registered claims are fixed."

#: Settings of djangorestframework-simplejwt that do not exist here, and what replaces each.
SIMPLEJWT: Mapping[str, str] = MappingProxyType(
    {
        "ROTATE_REFRESH_TOKENS": "Remove it: refresh tokens are always rotated.",
        "BLACKLIST_AFTER_ROTATION": "Remove it: a rotated refresh token is always refused after REFRESH_GRACE.",
        "UPDATE_LAST_LOGIN": "Remove it: signing in sends user_logged_in, which sets last_login.",
        "ALGORITHM": _KEYS,
        "SIGNING_KEY": _KEYS,
        "VERIFYING_KEY": f"{_KEYS} A private key also verifies; list a public one after it to accept another's tokens.",
        "JWK_URL": "Keys of other issuers are not supported; list your own in SIGNING_KEYS.",
        "JSON_ENCODER": "Remove it: let CLAIMS return plain JSON values.",
        "AUTH_HEADER_TYPES": "Remove it: the scheme is Bearer (RFC 6750).",
        "AUTH_HEADER_NAME": "Remove it: the header is Authorization (RFC 6750).",
        "USER_ID_FIELD": "Remove it: `sub` holds the primary key of the user.",
        "USER_ID_CLAIM": "Remove it: the user is in `sub` (RFC 7519 section 4.1.2).",
        "USER_AUTHENTICATION_RULE": "Override `get_user` or `user_can_authenticate` of your authentication backend.",
        "ON_LOGIN_SUCCESS": "Connect to the signal drf_lanyard.signals.signed_in.",
        "ON_LOGIN_FAILED": "Connect to Django's signal user_login_failed.",
        "AUTH_TOKEN_CLASSES": _ALWAYS,
        "TOKEN_TYPE_CLAIM": _FIXED,
        "JTI_CLAIM": _FIXED,
        "REVOKE_TOKEN_CLAIM": _ALWAYS,
        "CHECK_REVOKE_TOKEN": "Remove it: a changed password always ends the user's sessions.",
        "CHECK_USER_IS_ACTIVE": "Remove it: deactivating a user always ends the user's sessions.",
        "TOKEN_USER_CLASS": 'Remove it: USER_LOADING "lazy" gives a real user without a query.',
        "SLIDING_TOKEN_LIFETIME": _SLIDING,
        "SLIDING_TOKEN_REFRESH_LIFETIME": _SLIDING,
        "SLIDING_TOKEN_REFRESH_EXP_CLAIM": _SLIDING,
        "SLIDING_TOKEN_OBTAIN_SERIALIZER": _SLIDING,
        "SLIDING_TOKEN_REFRESH_SERIALIZER": _SLIDING,
        "TOKEN_OBTAIN_SERIALIZER": _SERIALIZER,
        "TOKEN_REFRESH_SERIALIZER": _SERIALIZER,
        "TOKEN_VERIFY_SERIALIZER": _SERIALIZER,
        "TOKEN_BLACKLIST_SERIALIZER": _SERIALIZER,
    }
)


def hint_for(unknown: object, known: Collection[str]) -> str:
    """What to write instead of a key that is not a setting."""
    if not isinstance(unknown, str):
        return "The keys of LANYARD are texts."
    if (advice := SIMPLEJWT.get(unknown.upper())) is not None:
        return f"That is a setting of simplejwt. {advice}"
    near = get_close_matches(unknown.upper(), known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"The settings are: {', '.join(known)}."
