"""The smallest API that shows who is let through."""

from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response


@api_view(["GET", "POST"])
def protected(request: Request) -> Response:
    """Needs a credential; touches nothing of the user but its primary key, so it costs no query."""
    return Response({"user": request.user.pk})


@api_view(["GET", "POST"])
@permission_classes([AllowAny])
def public(request: Request) -> Response:
    """Open to everybody, but a dead token in the header is still an error."""
    return Response({"user": request.user.pk})
