"""What is asked for."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import APIView


class ProtectedView(APIView):
    """Needs somebody, and reads nothing of them but the primary key."""

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.pk})


class EchoView(APIView):
    """An endpoint that takes and gives what a refresh does, and does nothing: the floor under every refresh."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Any) -> Response:
        token = request.data["refresh"]
        return Response({"access": token, "refresh": token})
