"""Django's sessions as an authenticator: its CSRF rule, and who counts as signed in."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.authentication import SessionAuthentication as PlainSession
from rest_framework.permissions import AllowAny
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from drf_lanyard.authentication import SessionAuthentication

from .calls import FakeSession, call

pytestmark = pytest.mark.django_db


def test_a_passed_csrf_check_is_not_handed_on(alice: Any) -> None:
    """Neither to a second authenticator, nor from a first one: each looks for itself."""
    seen: list[bool] = []

    class Marked(SessionAuthentication):
        def find(self, request: Any) -> Any:
            request._request.csrf_processing_done = True
            try:
                return super().find(request)
            finally:
                seen.append(request._request.csrf_processing_done)

    assert call(Marked, method="post", user=alice).status_code == 403
    assert seen == [True]
    token = "x" * 32
    good = {"HTTP_COOKIE": f"csrftoken={token}", "HTTP_X_CSRFTOKEN": token, "HTTP_REFERER": "https://testserver/"}
    request = APIRequestFactory(enforce_csrf_checks=True).post("/", secure=True, **good)
    request.__dict__.update(user=alice, session=FakeSession())
    assert SessionAuthentication().authenticate(APIView().initialize_request(request)) is not None
    assert not hasattr(request, "csrf_processing_done")


def test_anonymous_and_inactive_and_no_middleware(alice: Any) -> None:
    for user in (None, get_user_model()(is_active=False)):
        assert call(SessionAuthentication, permission=AllowAny, user=user).data == {"user": None, "method": None}
        assert call(SessionAuthentication, user=user).status_code == 401


def test_instead_of_rest_framework_s_own(alice: Any) -> None:
    """That one, if it comes first, makes every 401 a 403."""
    assert call(PlainSession).status_code == 403
    assert call(SessionAuthentication, PlainSession).status_code == 401
