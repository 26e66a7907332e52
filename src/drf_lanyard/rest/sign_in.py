"""Signing in, refreshing, signing out. None of these runs an authenticator but the last two."""

import re
from typing import Any
from uuid import UUID

from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response

from .. import cookies, django_sessions, transport
from ..api import sign_in
from ..browser import check_source, choose, refuse_refresh_in_body, source_of
from ..core.errors import (
    AuthError,
    InvalidCredentials,
    InvalidRequest,
    NotAuthenticated,
    UserInactive,
)
from ..core.model import Denied, Issued, Transport
from ..passwords import verified_user
from ..throttling import sign_in_attempts
from ..wiring import get_lanyard
from .answers import credentials
from .base import AccountView, LanyardView, SecretJSONRenderer
from .held import forget, leave, sessions_of
from .serializers import LoginBody, RefreshBody, plain_token

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}\Z")


class LoginView(LanyardView):
    """`{username, password, device?, transport?}` -> credentials.

    Sessions whose cookies the browser still holds are ended, and the cookies replaced or cleared.
    """

    checks_source = True

    @sensitive_variables()
    def post(self, request: Request, **kwargs: Any) -> Response:
        body = self.read(LoginBody)
        chosen = choose(request, body["transport"])
        attempts = sign_in_attempts(request, body["username"])
        attempts.count()
        issued = _sign_in(request, body, chosen)
        attempts.succeeded()
        response = _answer(issued, request)
        _replace(response, request)
        return response


def _answer(issued: Issued, request: Request) -> Response:
    try:
        response = credentials(issued, request)
        SecretJSONRenderer().render(response.data["user"])  # later it would be too late
        return response
    except Exception:  # a cookie that is too large, a user that is no JSON: nobody will ever hold this session
        get_lanyard().revoke_sessions([issued.session.id], "not_issued")
        raise


def _replace(response: Response, request: Request) -> None:
    before = sessions_of(request)
    if not before:
        return
    get_lanyard().revoke_sessions(before, "replaced")
    written = dict(response.cookies)
    forget(response, request, before)
    response.cookies.update(written)


@sensitive_variables()
def _sign_in(request: Request, body: dict[str, Any], chosen: Transport) -> Issued:
    """One answer for unknown, wrong, inactive and unusable. Raises `InvalidCredentials`."""
    for _ in range(2):
        user = verified_user(request._request, body["username"], body["password"])
        try:
            return sign_in(request._request, user, transport=chosen, device=body["device"])
        except InvalidCredentials:
            continue  # the stored password has changed since it was verified, perhaps only by a rehash: look once more
        except UserInactive:
            break
    raise InvalidCredentials


class RefreshView(LanyardView):
    """`{refresh}` or the cookie, and optionally an `Idempotency-Key` -> credentials.

    A token that comes another way than its session's transport is refused, and nothing changes.
    """

    checks_source = True

    @sensitive_variables()
    def post(self, request: Request, **kwargs: Any) -> Response:
        token = None if self._has_token() else cookies.read(request, "refresh")
        if token is None:
            return credentials(self._refresh(self._token(), "bearer"), request)
        check_source(request._request, by_cookie=True)
        outcome = self._refresh(token, "hybrid", "cookie")
        if not isinstance(outcome, Denied):
            return credentials(outcome, request)
        response = self.handle_exception(outcome.error)
        if outcome.session_id is not None:
            forget(response, request, {outcome.session_id})
        return response

    def _has_token(self) -> bool:
        body = self.body()
        return hasattr(body, "get") and "refresh" in body

    @sensitive_variables()
    def _token(self) -> str:
        if not self._has_token() and source_of(self.request).is_browser:
            raise NotAuthenticated  # a page that asks whether somebody is signed in
        token: str = plain_token(self.body()) or self.read(RefreshBody)["refresh"]
        refuse_refresh_in_body(self.request._request)
        return token

    @sensitive_variables()
    def _refresh(self, token: str, *via: Transport) -> Issued | Denied:
        key, client = _idempotency_key(self.request), transport.client_of(self.request)
        return get_lanyard().refresh(token, client=client, idempotency_key=key, via=via)


def _idempotency_key(request: Request) -> str | None:
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _IDEMPOTENCY_KEY.match(key):
        raise InvalidRequest("Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


class LogoutView(LanyardView):
    """An access token (even expired), a refresh token, cookies, a Django session, none or garbage -> 204.

    The sessions of the tokens have ended. An Authorization header or a token in the body decides alone; else our
    cookies; and only without them the Django session, so that leaving an app is not leaving the admin.
    """

    checks_source = True

    def post(self, request: Request, **kwargs: Any) -> Response:
        response = Response(status=204)
        ended = self._by_token() or self._by_cookie()
        if ended:
            get_lanyard().revoke_sessions(ended, "logout")
            forget(response, request, ended)
        return response

    def _by_token(self) -> set[UUID]:
        lanyard = get_lanyard()
        found = (
            lanyard.session_of(access=_access_token(self.request)),
            lanyard.session_of(refresh=self._refresh_token()),
        )
        return {session_id for session_id in found if session_id is not None}

    def _by_cookie(self) -> set[UUID]:
        if transport.has_header(self.request):
            return set()
        held = sessions_of(self.request)
        http = self.request._request
        signed_in = not held and django_sessions.is_open(http)
        if held or signed_in:
            check_source(self.request, by_cookie=True)
        if signed_in:
            django_sessions.end(http)
        return held

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

    checks_source = True

    def post(self, request: Request, **kwargs: Any) -> Response:
        response = Response(status=204)
        get_lanyard().revoke_users([request.user.pk], "logout_all")
        leave(response, request, self.principal)
        return response


class LogoutOthersView(AccountView):
    """Ends every session of the user but this one -> 204."""

    checks_source = True

    def post(self, request: Request, **kwargs: Any) -> Response:
        session_id = self.principal.session_id
        assert session_id is not None  # the permission asked for a session
        get_lanyard().revoke_other_sessions(request.user.pk, session_id, "logout_others")
        return Response(status=204)
