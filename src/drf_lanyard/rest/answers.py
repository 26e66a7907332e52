"""How credentials leave: the one shape that login, refresh and a password change share."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from ..core.model import Denied, Issued
from .serializers import represent_user


def credentials(outcome: Issued | Denied, request: Request) -> Response:
    """200 with tokens and what the client should know about them. Raises the error of a refusal."""
    if isinstance(outcome, Denied):
        raise outcome.error
    body: dict[str, Any] = {
        "access": outcome.access,
        "refresh": outcome.refresh,
        "expires_in": outcome.expires_in,
        "token_type": "Bearer",
        "session": str(outcome.session.id),
        "user": represent_user(outcome.session.user, request),
        "claims": outcome.claims,
    }
    return Response(body)
