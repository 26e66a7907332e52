"""What the tests of API tokens say often."""

from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from drf_lanyard.authentication import TokenAuthentication


def use(token: str, *permissions: Any) -> Response:
    """The answer of a view to an API token: 200 with the user, the claims and the scopes, or the refusal."""

    class Probe(APIView):
        authentication_classes = (TokenAuthentication,)
        permission_classes = (IsAuthenticated, *permissions)

        def get(self, request: Request) -> Response:
            principal: Any = request.auth
            return Response({"user": request.user.pk, "claims": principal.claims, "scopes": sorted(principal.scopes)})

    response: Response = Probe.as_view()(APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Token {token}")).render()
    return response


def code_of(token: str) -> str:
    """What the view says to the token: "ok" or a code."""
    response = use(token)
    return "ok" if response.status_code == 200 else str(response.data["code"])
