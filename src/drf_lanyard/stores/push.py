"""Choosing what pushes, by `PUSH_URL`."""

import importlib.util
from collections.abc import Sequence

from django.db import connections

from ..core.errors import ConfigurationError
from ..core.follower import Follower
from ..core.messages import Messages
from ..core.ports import Clock

#: Of Redis and Valkey, which project uses it is told apart by the signature of messages.
CHANNEL = "drf_lanyard"


def make_push(url: str | None, keys: Sequence[bytes], alias: str, clock: Clock) -> Follower | None:
    """Not connected yet. Raises ConfigurationError where it could never be."""
    if url is None:
        return None
    if (wrong := problem(url, alias)) is not None:
        raise ConfigurationError(f"LANYARD: PUSH_URL {wrong}")
    if is_postgres(url):
        from .push_postgres import PostgresPush

        return PostgresPush(alias, None if url == "postgres" else url, Messages(keys), clock)
    from .push_redis import RedisPush

    return RedisPush(url, CHANNEL, Messages(keys), clock)


def is_postgres(url: str) -> bool:
    return url.startswith("postgres")


def problem(url: str, alias: str) -> str | None:
    """Why it cannot work here, or None; the sentence goes on after the setting's name. Nothing is connected to.

    What is wrong with a URL is not quoted: it may hold a password.
    """
    needed = "psycopg" if is_postgres(url) else "redis"
    if is_postgres(url) and connections[alias].vendor != "postgresql":
        return "is for projects on PostgreSQL; with another database, push through Redis."
    if importlib.util.find_spec(needed) is None:
        extra = "postgres" if is_postgres(url) else "redis"
        return f'needs the package {needed}: install "drf-lanyard[{extra}]".'
    return None if url == "postgres" or _parses(url) else "is not a URL that its driver understands."


def _parses(url: str) -> bool:
    try:
        if is_postgres(url):
            from psycopg.conninfo import conninfo_to_dict

            conninfo_to_dict(url)
        else:
            from .push_redis import client

            client(url).connection_pool.make_connection()  # which does not connect it
    except Exception:  # each driver has its own
        return False
    return True
