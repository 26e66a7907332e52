"""Checks against many live revocations: our snapshot, simplejwt's blacklist table, Redis."""

import gc
import os
import time
from pathlib import Path
from typing import Any

from django.db import connection

from . import requests

#: Different credentials that are checked in turn, so that the processor's caches are no warmer than in life.
CREDENTIALS = 2000
_state: dict[str, Any] = {}


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def fill_log(entries: int) -> None:
    """Live entries as many revocations leave them: nine dead sessions for every user whose tokens are stale."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lanyard_revocation (uid, position, credential, subject, epoch, ends_sessions, forget_at) "
            "SELECT n, n, CASE WHEN n %% 10 = 0 THEN '' ELSE md5(n::text) END, "
            "CASE WHEN n %% 10 = 0 THEN 'u' || n ELSE '' END, CASE WHEN n %% 10 = 0 THEN 1 ELSE 0 END, n %% 10 = 0, "
            "extract(epoch FROM now()) + 86400 FROM generate_series(1, %s) AS n",
            [entries],
        )
        cursor.execute("DELETE FROM lanyard_revocationhead")
        cursor.execute("INSERT INTO lanyard_revocationhead (id, position, floor) VALUES (1, %s, 0)", [entries])


def load(entries: int) -> dict[str, float]:
    """Fill the log, and let the reader of this process read all of it: seconds, and bytes in memory per entry."""
    from drf_lanyard.core.errors import StoreUnavailable
    from drf_lanyard.wiring import get_lanyard

    fill_log(entries)
    lanyard = get_lanyard()
    gc.collect()
    before, began = resident(), time.perf_counter()
    while True:
        try:
            lanyard.reader.fresh()
            break
        except StoreUnavailable:  # a request waits READ_TIMEOUT at most; the reader goes on
            time.sleep(0.01)
    took = time.perf_counter() - began
    gc.collect()
    grown = resident() - before
    _prepare_principals(lanyard)
    return {"load_s": took, "bytes": max(0, grown), "bytes_per_entry": max(0, grown) / entries if entries else 0.0}


def _prepare_principals(lanyard: Any) -> None:
    import uuid

    now = time.time()
    tokens = [
        lanyard.access.mint(subject=str(number), session_id=uuid.uuid4(), epoch=0, now=now)
        for number in range(CREDENTIALS)
    ]
    dead = uuid.UUID(hex=_md5("1"))
    _state["principals"] = [lanyard.authenticate(token) for token in tokens]
    try:
        lanyard.authenticate(lanyard.access.mint(subject="1", session_id=dead, epoch=0, now=now))
    except Exception as error:
        _state["refused"] = type(error).__name__


def refused() -> str | None:
    """What a token of the first dead session was refused with."""
    return _state.get("refused")


def _md5(text: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT md5(%s)", [text])
        return str(cursor.fetchone()[0])


def time_checks(count: int) -> float:
    """Microseconds per question whether a credential is revoked: is the snapshot fresh, and what does it say?"""
    from drf_lanyard.wiring import get_lanyard

    reader, principals = get_lanyard().reader, _state["principals"]
    reader.fresh()
    asked = [principals[number % CREDENTIALS] for number in range(count)]
    return requests.timed(lambda: sum(reader.fresh().verdict(one) is not None for one in asked), count)


def fill_blacklist(entries: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO token_blacklist_outstandingtoken (id, token, created_at, expires_at, jti, user_id) "
            "SELECT n, repeat('x', 200), now(), now() + interval '1 day', md5(n::text), 1 "
            "FROM generate_series(1, %s) AS n",
            [entries],
        )
        cursor.execute(
            "INSERT INTO token_blacklist_blacklistedtoken (id, blacklisted_at, token_id) "
            "SELECT n, now(), n FROM generate_series(1, %s) AS n",
            [entries],
        )
        cursor.execute("ANALYZE token_blacklist_outstandingtoken")
        cursor.execute("ANALYZE token_blacklist_blacklistedtoken")


def time_blacklist(count: int) -> float:
    """Microseconds per question of simplejwt's `check_blacklist`."""
    from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

    keys = [f"{number:032x}" for number in range(count)]
    exists = BlacklistedToken.objects.filter
    return requests.timed(lambda: sum(exists(token__jti=key).exists() for key in keys), count)


def fill_redis(port: int, password: str, entries: int) -> None:
    import redis

    client = _state["redis"] = redis.Redis(port=port, password=password, protocol=3)
    script = "for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do redis.call('SET', 'dead:' .. redis.sha1hex(n), 1) end"
    for first in range(1, entries + 1, 10_000):
        client.eval(script, 0, first, min(first + 9_999, entries))


def time_redis(count: int) -> float:
    """Microseconds per GET of a key that is not there."""
    client = _state["redis"]
    keys = [f"dead:{number:040x}" for number in range(count)]
    return requests.timed(lambda: sum(client.get(key) is not None for key in keys), count)
