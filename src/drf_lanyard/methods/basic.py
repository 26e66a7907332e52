"""`Authorization: Basic` (RFC 7617), for curl and for people who know what it costs."""

import binascii
import unicodedata
from typing import Any

from django.contrib.auth import get_user_model
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from ..core.errors import InvalidCredentials, TokenMalformed
from ..live import LivePrincipal
from ..passwords import MAX_PASSWORD, max_username, verified_user
from ..throttling import sign_in_attempts
from ..transport import Credential
from ..user import user_for
from ..wiring import get_api_tokens, get_lanyard
from .base import Found, HeaderMethod

METHOD = "basic"


class BasicAuthentication(HeaderMethod):
    """Name and password in every request; or an API token as the password, as GitHub takes it.

    A password is counted like a sign-in, with the same counters, and hashed at every request: slow on purpose. An API
    token costs what it costs elsewhere; the name beside it must be its user's (one query) or empty.
    """

    keyword = "Basic"

    @sensitive_variables()
    def identify(self, request: Request, credential: Credential) -> Found:
        username, password = _decoded(credential.token)
        if get_api_tokens().tokens.is_well_formed(password):
            return _by_token(username, password)
        return _by_password(request, username, password)

    def is_presented(self, request: Request) -> bool:
        return False  # the challenge's error is about tokens


@sensitive_variables()
def _decoded(text: str) -> tuple[str, str]:
    """Name and password (RFC 7617 section 2). Raises `TokenMalformed`."""
    try:
        raw = binascii.a2b_base64(text, strict_mode=True).decode()
    except ValueError:
        raise TokenMalformed from None
    username, colon, password = raw.partition(":")
    if not colon or any(unicodedata.category(character) == "Cc" for character in raw):
        raise TokenMalformed
    return username, password


@sensitive_variables()
def _by_token(username: str, token: str) -> Found:
    principal = get_api_tokens().authenticate(token)
    user = user_for(principal.user_id)
    if username and user.get_username() != _normal(username):
        raise InvalidCredentials
    return user, principal


@sensitive_variables()
def _by_password(request: Request, username: str, password: str) -> Found:
    username = _normal(username)
    if not username or not password or len(username) > max_username() or len(password) > MAX_PASSWORD:
        raise InvalidCredentials
    attempts = sign_in_attempts(request, username)
    attempts.count()
    user = verified_user(request._request, username, password)
    attempts.refund()
    now = get_lanyard().clock.time()
    principal = LivePrincipal(
        user_id=str(user.pk), method=METHOD, issued_at=now, expires_at=now, credential=0, user=user
    )
    return user, principal


def _normal(username: str) -> str:
    """As the sign-in endpoint reads it."""
    model: Any = get_user_model()
    normal: str = model.normalize_username(username.strip())
    return normal
