"""What is asked for."""

from typing import Any

from django.views.decorators.csrf import csrf_exempt
from rest_framework.response import Response
from rest_framework.views import APIView

from ..variants import NULL
from .null import NullAuthentication


class ProtectedView(APIView):
    """Needs somebody, and reads nothing of them but the primary key."""

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.pk})


_own = ProtectedView.as_view(authentication_classes=ProtectedView.authentication_classes)
_null = ProtectedView.as_view(authentication_classes=[NullAuthentication])


@csrf_exempt
def protected(request: Any) -> Any:
    """The view with the variant's authenticator, or with the null one: the same URL, so that nothing else differs."""
    return (_null if request.META.get(NULL) else _own)(request)


class EchoView(APIView):
    """An endpoint that takes and gives what a refresh does, and does nothing: the floor under every refresh."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Any) -> Response:
        token = request.data["refresh"]
        return Response({"access": token, "refresh": token})
