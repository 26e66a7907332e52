"""A view of a project's own with any authenticators, and the headers to call it with."""

from base64 import b64encode
from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView


class FakeSession(dict[str, Any]):
    """A Django session with nothing of ours in it."""

    session_key = "key"

    def get_expiry_age(self) -> int:
        return 60


def call(*methods: Any, permission: Any = IsAuthenticated, method: str = "get", **meta: Any) -> Any:
    class Probe(APIView):
        authentication_classes = methods
        permission_classes = [permission]
        renderer_classes = [JSONRenderer]

        def get(self, request: Any) -> Response:
            auth = request.auth
            return Response({"user": request.user.pk, "method": getattr(auth, "method", None)})

        post = get

    request = getattr(APIRequestFactory(enforce_csrf_checks=True), method)("/", secure=True, **meta)
    user = meta.pop("user", None)
    if user is not None:
        request.user, request.session = user, FakeSession()
    return Probe.as_view()(request).render()


def header(value: str) -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": value}


def basic(username: str, password: str) -> dict[str, Any]:
    return header("Basic " + b64encode(f"{username}:{password}".encode()).decode())
