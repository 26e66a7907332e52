"""Signing in, refreshing, signing out. None of these runs an authenticator but the last two."""

import re
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from .. import transport
from ..api import sign_in
from ..conf import get_settings
from ..core.errors import AuthError, InvalidCredentials, InvalidRequest, UserInactive
from ..core.model import Issued, Transport
from ..receivers import verifying
from ..wiring import get_lanyard
from .answers import credentials
from .base import AccountView, LanyardView
from .serializers import LoginBody, RefreshBody
from .throttling import Attempts

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}\Z")


class LoginView(LanyardView):
    """`{username, password, device?, transport?}` -> credentials."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        body = self.read(LoginBody)
        chosen = transport.choose(body["transport"])
        limits = get_settings().throttle
        attempts = Attempts(
            request, "login", body["username"], by_address=limits.login_address, by_account=limits.login_account
        )
        attempts.count()
        issued = _sign_in(request, body, chosen)
        attempts.succeeded()
        return credentials(issued, request)


def _sign_in(request: Request, body: dict[str, Any], chosen: Transport) -> Issued:
    """One answer for unknown, wrong, inactive and unusable. Raises `InvalidCredentials`."""
    for _ in range(2):
        user = _authenticate(request, body["username"], body["password"])
        try:
            return sign_in(request._request, user, transport=chosen, device=body["device"])
        except InvalidCredentials:
            continue  # the stored password has changed since it was verified, perhaps only by a rehash: look once more
        except UserInactive:
            break
    raise InvalidCredentials


def _authenticate(request: Request, username: str, password: str) -> Any:
    model: Any = get_user_model()
    try:
        model._meta.get_field(model.USERNAME_FIELD).to_python(username)
    except ValidationError:  # not a number, or not whatever this model calls its users: nobody's name
        raise InvalidCredentials from None
    with verifying(password):
        user = authenticate(request._request, **{model.USERNAME_FIELD: username, "password": password})
    if user is None:
        raise InvalidCredentials
    return user


class RefreshView(LanyardView):
    """`{refresh}`, and optionally an `Idempotency-Key` -> credentials."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        token = self.read(RefreshBody)["refresh"]
        key = _idempotency_key(request)
        return credentials(
            get_lanyard().refresh(token, client=transport.client_of(request), idempotency_key=key), request
        )


def _idempotency_key(request: Request) -> str | None:
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _IDEMPOTENCY_KEY.match(key):
        raise InvalidRequest("Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


class LogoutView(LanyardView):
    """An access token (even expired), a refresh token, both, none or garbage -> 204; their sessions have ended."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        lanyard = get_lanyard()
        found = (
            lanyard.session_of(access=_access_token(request)),
            lanyard.session_of(refresh=self._refresh_token()),
        )
        if sessions := {session_id for session_id in found if session_id is not None}:
            lanyard.revoke_sessions(sessions, "logout")
        return Response(status=204)

    def _refresh_token(self) -> str | None:
        try:
            body = self.body()
        except Exception:  # who wants out gets out
            return None
        token = body.get("refresh") if hasattr(body, "get") else None
        return token if isinstance(token, str) else None


def _access_token(request: Request) -> str | None:
    try:
        credential = transport.read(request)
    except AuthError:
        return None
    return None if credential is None else credential.token


class LogoutAllView(AccountView):
    """Ends every session of the user, this one included -> 204."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        get_lanyard().revoke_users([request.user.pk], "logout_all")
        return Response(status=204)


class LogoutOthersView(AccountView):
    """Ends every session of the user but this one -> 204."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        session_id = self.principal.session_id
        assert session_id is not None  # the permission asked for a session
        get_lanyard().revoke_other_sessions(request.user.pk, session_id, "logout_others")
        return Response(status=204)
