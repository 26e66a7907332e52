"""One refresh each: every library's own endpoint, with tokens that were made before the clock starts."""

import json
import time
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F

from . import credentials, requests

#: Seconds by which what was just issued is made older than any grace or throttle of the libraries.
OLD = 600


def null(count: int) -> list[requests.Environ]:
    return _posts("/echo/", "refresh", ["x" * 120] * count)


def lanyard(count: int) -> list[requests.Environ]:
    """Each of a session of its own that was last rotated a while ago: within the grace there would be nothing to do."""
    from drf_lanyard import sign_in
    from drf_lanyard.models import Session

    somebody = credentials.user()
    tokens = [sign_in(None, somebody).refresh for _ in range(count)]
    Session.objects.filter(user=somebody).update(rotated_at=F("rotated_at") - OLD)
    return _posts("/auth/refresh/", "refresh", tokens)


def simplejwt(count: int) -> list[requests.Environ]:
    from rest_framework_simplejwt.tokens import RefreshToken

    somebody = credentials.user()
    return _posts("/auth/refresh/", "refresh", [str(RefreshToken.for_user(somebody)) for _ in range(count)])


def knox(count: int) -> list[requests.Environ]:
    """A request that renews its token; each of a user of its own, since knox looks at every token of a user."""
    from knox.models import AuthToken

    model: Any = get_user_model()
    have = model.objects.filter(username__startswith="knox").count()
    model.objects.bulk_create(model(username=f"knox{number}") for number in range(have, count))
    AuthToken.objects.all().delete()
    people = model.objects.filter(username__startswith="knox")[:count]
    tokens = [AuthToken.objects.create(somebody)[1] for somebody in people]
    AuthToken.objects.update(expiry=F("expiry") - timedelta(seconds=OLD))
    return [requests.environ("/protected/", **credentials.bearer(token, "Token")) for token in tokens]


def allauth(count: int) -> list[requests.Environ]:
    credentials.allauth()  # for its import
    from allauth.headless.tokens.strategies.jwt.internal import create_refresh_token

    somebody, tokens = credentials.user(), []
    for _ in range(count):
        session = credentials.new_django_session()
        tokens.append(create_refresh_token(somebody, session))
        session.save()
    return _posts("/_allauth/app/v1/tokens/refresh", "refresh_token", tokens)


def _posts(path: str, name: str, tokens: list[str]) -> list[requests.Environ]:
    return [requests.environ(path, json.dumps({name: token}).encode()) for token in tokens]


WAYS = {
    "null": null,
    "lanyard": lanyard,
    "simplejwt": simplejwt,
    "simplejwt_rotate": simplejwt,
    "simplejwt_blacklist": simplejwt,
    "knox_refresh": knox,
    "allauth": allauth,
}
#: Whose answer must hold another refresh token than the one that was sent.
ROTATE = {"lanyard": "refresh", "simplejwt_rotate": "refresh", "simplejwt_blacklist": "refresh"}


def prepare() -> None:
    """One good and one bad refresh before anything is timed."""
    name = settings.BENCH_VARIANT.name
    (one,) = WAYS[name](1)
    sent = one["wsgi.input"].getvalue()
    status, body = requests.ask(requests.handler(), one)
    if status != 200:
        raise AssertionError(f"{name}: {status} {body!r}")
    if name in ROTATE and json.loads(body)[ROTATE[name]] in (None, json.loads(sent)["refresh"]):
        raise AssertionError(f"{name}: no rotation")
    if name not in ("null", "knox_refresh"):
        bad = requests.environ(one["PATH_INFO"], sent.replace(b'": "', b'": "x'))
        if (status := requests.ask(requests.handler(), bad)[0]) not in (400, 401):
            raise AssertionError(f"{name}: a spoiled token gets {status}")


def line_up(count: int) -> None:
    requests.hold(WAYS[settings.BENCH_VARIANT.name](count + 3), 3)


def time_refreshes(count: int) -> float:
    line_up(count)
    return requests.go()


def time_shares(count: int) -> dict[str, float]:
    """Microseconds per refresh, and how many of them psycopg drives a statement: its parameters, the server, the way.

    Making a cursor, turning rows into Python's values and what other threads ask is not in it.
    """
    line_up(count)
    driven, wait, ours = 0.0, psycopg.Connection.wait, connection.connection

    def timed(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal driven
        began = time.perf_counter()
        try:
            return wait(self, *args, **kwargs)
        finally:
            if self is ours:
                driven += time.perf_counter() - began

    with mock.patch.object(psycopg.Connection, "wait", timed):
        us = requests.go()
    return {"us": us, "driven_us": driven / count * 1e6}


def report() -> None:
    """Let this session tell the server's statistics what it has written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
