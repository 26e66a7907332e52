"""Every message of the system checks. Ids are stable: projects silence them by name, so one is never used again."""

from collections.abc import Mapping
from types import MappingProxyType

from django.core.checks import CheckMessage, Error, Warning

CATALOGUE: Mapping[str, str] = MappingProxyType(
    {
        "lanyard.E001": "LANYARD has a key that is not a setting.",
        "lanyard.E002": "A setting has a wrong type or value, or two contradict each other.",
        "lanyard.E003": "A signing key is weak, unreadable, does not fit its algorithm, or cannot sign.",
        "lanyard.E004": "A dotted path in LANYARD names nothing that fits.",
        "lanyard.E005": "PUSH_URL cannot work here: another database, a missing package, a mangled URL.",
        "lanyard.W001": "SECRET_KEY is so short or simple that it can be guessed from one token.",
        "lanyard.W002": "LEASE is long: that long a revoked token may be accepted.",
        "lanyard.W003": "Access tokens live for more than an hour.",
        "lanyard.W004": "REFRESH_GRACE is long: that long a stolen refresh token may be used unnoticed.",
        "lanyard.W005": "LEEWAY is long: expired tokens are accepted for that long.",
        "lanyard.W006": "The first authenticator has no challenge, so that failures are 403 instead of 401.",
        "lanyard.W007": "The cache cannot count attempts across processes.",
        "lanyard.W008": "Password-reset links are sent without TLS.",
        "lanyard.W009": "The database is one that drf-lanyard is not tested on.",
        "lanyard.W010": "The database is in memory, so that no process sees the revocations of another.",
        "lanyard.W011": "The site seems to be behind a proxy that NUM_PROXIES does not count.",
        "lanyard.W012": "A claim looks like a secret; everybody who has the token can read it.",
        "lanyard.W013": "The claims are too large for a cookie.",
        "lanyard.W014": "The claims of a user cannot be made.",
        "lanyard.W015": "The user model lacks something that decides who may stay signed in.",
        "lanyard.W016": "Django sessions are kept in signed cookies, which nothing can delete.",
        "lanyard.W017": "Passwords are sent with every request (Basic), and hashed at each. With --deploy.",
        "lanyard.W018": "Under gevent, the database driver (mysqlclient) stops the whole process while it waits.",
        "lanyard.W019": "Error reports show our cookies: the project's own filter does not hide them. With --deploy.",
    }
)


def message(number: str, text: str, hint: str, obj: object = None) -> CheckMessage:
    """The message with an id of the catalogue, such as "W003"; its letter is its level."""
    id = f"lanyard.{number}"
    if id not in CATALOGUE:
        raise KeyError(id)
    return (Error if number.startswith("E") else Warning)(text, hint=hint, obj=obj, id=id)
