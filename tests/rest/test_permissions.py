"""Permissions that read the token."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.contrib.auth.models import User
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from drf_lanyard.core.model import Principal
from drf_lanyard.rest.permissions import HasClaim, IsSession


def principal(**claims: Any) -> Principal:
    session = uuid4()
    return Principal(
        user_id="7",
        method="jwt",
        session_id=session,
        issued_at=0,
        expires_at=2**40,
        credential=session.int,
        payload=msgspec.json.encode({"iss": "x", "sub": "7", **claims}),
    )


def ask(permission: Any, auth: Any, user: Any = None) -> Any:
    class Probe(APIView):
        permission_classes = [permission]

        def get(self, request: Any) -> Response:
            return Response()

    request = APIRequestFactory().get("/")
    force_authenticate(request, user=user or User(pk=7), token=auth)
    return Probe.as_view()(request)


@pytest.mark.parametrize(
    ("claim", "value", "allowed"),
    [
        ("editor", "editor", True),
        (["author", "editor"], "editor", True),
        (["author"], "editor", False),
        ("editors", "editor", False),
        ([], "editor", False),
        (None, "editor", False),
        ({"editor": 1}, "editor", False),
        ([["editor"]], "editor", False),
        (1, 1, True),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        ([0], False, False),
        ("x", "xyz", False),
    ],
)
def test_a_claim(claim: Any, value: Any, allowed: bool) -> None:
    response = ask(HasClaim("roles", value), principal(roles=claim))
    assert response.status_code == (200 if allowed else 403)
    if not allowed:
        assert response.data == {"detail": "This credential may not do that.", "code": "permission_denied"}


def test_a_claim_that_is_not_there() -> None:
    assert ask(HasClaim("roles", "editor"), principal()).status_code == 403
    assert ask(HasClaim("roles", None), None).status_code == 403
    assert ask(HasClaim("sub", "7"), principal()).status_code == 403  # registered claims are not the project's


def test_combined_with_others() -> None:
    editor = principal(roles=["editor"])
    assert ask(HasClaim("roles", "editor") & IsAuthenticated, editor).status_code == 200
    assert ask(HasClaim("roles", "owner") & IsAuthenticated, editor).status_code == 403
    assert ask(HasClaim("roles", "owner") | IsAuthenticated, editor).status_code == 200
    assert ask(~HasClaim("roles", "owner"), editor).status_code == 200
    assert ask(IsAdminUser | HasClaim("roles", "editor"), editor).status_code == 200


def test_a_session() -> None:
    token = Principal(user_id="7", method="token", token_id=uuid4(), issued_at=0, expires_at=1, credential=1)
    for permission in (IsSession, IsSession()):
        assert ask(permission, principal()).status_code == 200
        for other in (token, None, "text"):
            assert ask(permission, other).status_code == 403
