"""Who is signed in, and where."""

from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import get_settings
from ..models import Session
from ..wiring import alias, get_lanyard
from .base import AccountView, LanyardView
from .held import leave
from .serializers import SessionSerializer, VerifyBody, iso, represent_user


class MeView(AccountView):
    """The user, the claims, and how the client is signed in, with whatever credential it came."""

    permission_classes = (IsAuthenticated,)

    def get(self, request: Request, **kwargs: Any) -> Response:
        principal = self.principal
        return Response(
            {
                "user": represent_user(request.user, request),
                "claims": principal.claims,
                "session": None if principal.session_id is None else str(principal.session_id),
                "method": principal.method,
                "issued_at": iso(principal.issued_at),
                "expires_at": iso(principal.expires_at),
            }
        )


class SessionsView(AccountView):
    """The user's live sessions, newest first."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = Session.objects.using(alias()).live().filter(user=request.user.pk).order_by("-created_at", "-id")
        context = {"current": self.principal.session_id}
        return Response([SessionSerializer(row, context=context).data for row in rows])


class SessionView(AccountView):
    """Ends one session of the user -> 204; 404 for one that is somebody else's, over, or no id at all."""

    def delete(self, request: Request, session_id: str, **kwargs: Any) -> Response:
        try:
            key = UUID(session_id)
        except ValueError:
            raise NotFound from None
        if not get_lanyard().revoke_sessions([key], "logout", owner=request.user.pk):
            raise NotFound
        response = Response(status=204)
        if key == self.principal.session_id:
            leave(response, request, self.principal)
        return response


class VerifyView(LanyardView):
    """`{token}`, an access token -> `{active: true, …claims}`, or the 401 that the token would get."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        principal = get_lanyard().authenticate(self.read(VerifyBody)["token"])
        return Response({**principal.all_claims, "active": True})


class JwksView(LanyardView):
    """The public keys (RFC 7517 section 5) that verify our access tokens; none for HMAC."""

    cache_control = "public, max-age=300"

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(get_settings().keys.jwks())
