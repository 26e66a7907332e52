"""API tokens over HTTP: a user's own, and the endpoint that clients of REST framework's `obtain_auth_token` expect."""

from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ..api import create_token
from ..core.errors import InvalidCredentials, TokenRevoked, TokenStale, UserInactive
from ..core.model import Principal
from ..core.refresh import decide
from ..live import LivePrincipal
from ..models import ApiToken
from ..passwords import verified_user
from ..throttling import sign_in_attempts
from ..tokens import MAX_NAME
from ..transport import client_of
from ..wiring import alias, get_api_tokens, get_lanyard
from .api_token_shapes import ApiTokenBody, ApiTokenSerializer
from .base import AccountView, LanyardView
from .password import locked_user
from .serializers import LoginBody


class ApiTokensView(AccountView):
    """GET: the user's API tokens, newest first. POST `{name, scopes?, expires_in?, expires_when_idle_for?}` -> 201.

    The answer to POST is the only one that holds the token. Times are in seconds; `expires_in` null: no end, absent:
    `LANYARD["API_TOKEN"]["LIFETIME"]`.
    """

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = ApiToken.objects.using(alias()).filter(user=request.user.pk).order_by("-created_at", "-id")
        return Response([ApiTokenSerializer(row).data for row in rows])

    def post(self, request: Request, **kwargs: Any) -> Response:
        body = self.read(ApiTokenBody)
        with locked_user(request.user):
            _still_signed_in(self.principal)
            token, token_id = create_token(
                request.user,
                body["name"],
                scopes=body["scopes"],
                lifetime=body.get("expires_in", "default"),
                idle_lifetime=body.get("expires_when_idle_for"),
            )
            row = ApiToken.objects.using(alias()).get(pk=token_id)
        return Response({**ApiTokenSerializer(row).data, "token": token}, status=201)


def _still_signed_in(principal: Principal) -> None:
    """Ask the database, not the snapshot: what is made here outlives a lease, and the access token.

    To be called while the user is locked, as by whoever deletes all of a user's tokens: either they see this one, or
    this sees the session ended. Raises what a dead access token raises.
    """
    lanyard = get_lanyard()
    assert principal.session_id is not None  # the permission asked for a session
    state = lanyard.sessions.load(principal.session_id)
    if state is None or state.revoked_at is not None:
        raise TokenRevoked
    if isinstance(principal, LivePrincipal):  # Django's own session: Django has just asked for its row and the user's
        return
    if (refusal := decide(state, state.counter, "", lanyard.policy).error) is not None:  # nor would it be refreshed
        raise refusal
    if principal.epoch < state.epoch:
        raise TokenStale


class ApiTokenView(AccountView):
    """Revokes one API token of the user -> 204; 404 for one that is somebody else's, gone, or no id at all."""

    def delete(self, request: Request, token_id: str, **kwargs: Any) -> Response:
        try:
            key = UUID(token_id)
        except ValueError:
            raise NotFound from None
        if not get_api_tokens().revoke([key], "deleted", owner=request.user.pk):
            raise NotFound
        return Response(status=204)


class ObtainTokenView(LanyardView):
    """`{username, password, device?}` -> `{token}`: a new API token each time. Limited together with the sign-in."""

    checks_source = True

    def post(self, request: Request, **kwargs: Any) -> Response:
        body = self.read(LoginBody)
        attempts = sign_in_attempts(request, body["username"])
        attempts.count()
        token = _obtain(request, body)
        attempts.succeeded()
        return Response({"token": token})


def _obtain(request: Request, body: dict[str, Any]) -> str:
    """One answer for unknown, wrong, inactive and unusable, as at sign-in. Raises `InvalidCredentials`."""
    for _ in range(2):
        user = verified_user(request._request, body["username"], body["password"])
        try:
            with locked_user(user) as stored:
                if stored.password == user.password:
                    return create_token(user, _name(request, body["device"]))[0]
        except UserInactive:
            break
        # The stored password has changed since it was verified, perhaps only by a rehash: look once more.
    raise InvalidCredentials


def _name(request: Request, device: str) -> str:
    """What the user will know the client by."""
    client = client_of(request, device=device)
    return " ".join(["obtain-token", client.device or client.user_agent]).strip()[:MAX_NAME]
