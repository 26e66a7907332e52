"""How each variant's client shows who it is: functions that return what to add to a WSGI environ.

Each signs the user in the way its library documents for Python. `count` is how many different credentials are wanted;
all but `lanyard_first` give the same one again.
"""

import time
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

Environ = dict[str, str]


def user() -> Any:
    return get_user_model().objects.get(username="bench")


def bearer(token: str, scheme: str = "Bearer") -> Environ:
    return {"HTTP_AUTHORIZATION": f"{scheme} {token}"}


def nothing(count: int = 1) -> list[Environ]:
    return [{}] * count


def lanyard(count: int = 1) -> list[Environ]:
    from drf_lanyard import sign_in

    return [bearer(sign_in(None, user()).access)] * count


def lanyard_first(count: int = 1) -> list[Environ]:
    """Tokens of one session that this process has not seen yet."""
    from drf_lanyard.wiring import get_lanyard

    session, mint, now = _session(), get_lanyard().access.mint, time.time()
    tokens = (mint(subject=session.subject, session_id=session.id, epoch=session.epoch, now=now) for _ in range(count))
    return [bearer(token) for token in tokens]


@cache
def _session() -> Any:
    from drf_lanyard import sign_in

    return sign_in(None, user()).session


def lanyard_token(count: int = 1) -> list[Environ]:
    from drf_lanyard import create_token

    return [bearer(create_token(user(), "bench")[0], "Token")] * count


def lanyard_cookie(count: int = 1) -> list[Environ]:
    from drf_lanyard import sign_in

    token = sign_in(None, user(), transport="cookie").access
    return [{"HTTP_COOKIE": f"__Host-lanyard-access={token}", "wsgi.url_scheme": "https"}] * count


def simplejwt(count: int = 1) -> list[Environ]:
    from rest_framework_simplejwt.tokens import RefreshToken

    return [bearer(str(RefreshToken.for_user(user()).access_token))] * count


def drf_token(count: int = 1) -> list[Environ]:
    from rest_framework.authtoken.models import Token

    return [bearer(Token.objects.get_or_create(user=user())[0].key, "Token")] * count


def knox(count: int = 1) -> list[Environ]:
    from knox.models import AuthToken

    return [bearer(AuthToken.objects.create(user())[1], "Token")] * count


def drf_jwt(count: int = 1) -> list[Environ]:
    from rest_framework_jwt.authentication import JSONWebTokenAuthentication as Tokens

    return [bearer(Tokens.jwt_encode_payload(Tokens.jwt_create_payload(user())))] * count


def django_session(count: int = 1) -> list[Environ]:
    return [{"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={new_django_session().session_key}"}] * count


def new_django_session() -> Any:
    """What `django.contrib.auth.login` stores."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    somebody = user()
    session[SESSION_KEY] = str(somebody.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = somebody.get_session_auth_hash()
    session.save()
    return session


def drf_sessions(count: int = 1) -> list[Environ]:
    from drf_sessions.services import SessionService

    return [bearer(SessionService.create_header_session(user=user()).access_token)] * count


def allauth(count: int = 1) -> list[Environ]:
    import cryptography.hazmat.primitives.serialization  # noqa: F401  allauth 65.21 uses it, and does not import it
    from allauth.headless.tokens.strategies.jwt.internal import create_access_token

    return [bearer(create_access_token(user(), new_django_session(), {}))] * count


def spoiled(environ: Environ) -> Environ:
    """The same with one character of the credential changed, well inside of it."""
    name = next(name for name in ("HTTP_AUTHORIZATION", "HTTP_COOKIE") if name in environ)
    value = environ[name]
    place = len(value) - 6
    other = "a" if value[place] != "a" else "b"
    return {**environ, name: value[:place] + other + value[place + 1 :]}
