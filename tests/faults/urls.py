"""The test project's API and what only the driver and the clients of this harness use."""

import time
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import include, path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from drf_lanyard import revoke_session
from drf_lanyard.rest.errors import respond
from tests import views

real_time = time.time


def administrative(view: Any) -> Any:
    """Open to this harness; a database that is lost becomes a 503, as in the library's own views."""

    def answer(request: Request) -> Response:
        try:
            return Response(view(request.data))
        except Exception as error:
            if (response := respond(error)) is None:
                raise
            return response

    return api_view(["POST"])(authentication_classes([])(permission_classes([])(answer)))


@administrative
def change_user(data: Any) -> Any:
    """Set `is_active`, or turn `is_staff` round; answers after the commit."""
    with transaction.atomic():
        user = get_user_model().objects.select_for_update().get(pk=data["user"])
        if "is_active" in data:
            user.is_active = data["is_active"]
        else:
            user.is_staff = not user.is_staff
        user.save()
    return {}


@administrative
def slow_logout(data: Any) -> Any:
    """End a session in a transaction that stays open: ids given out later commit earlier."""
    with transaction.atomic():
        revoke_session(UUID(data["session"]))
        time.sleep(data["hold"])
    return {}


@administrative
def clock(data: Any) -> Any:
    """Move this process's wall clock by so many seconds from the right time."""
    offset = float(data["offset"])
    time.time = real_time if not offset else lambda: real_time() + offset
    return {}


urlpatterns = [
    path("auth/", include("drf_lanyard.urls")),
    path("protected/", views.protected),
    path("faults/user/", change_user),
    path("faults/slow-logout/", slow_logout),
    path("faults/clock/", clock),
]
