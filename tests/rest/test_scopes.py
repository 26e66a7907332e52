"""`HasScope`: what a credential with scopes may do."""

from typing import Any

import pytest
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from drf_lanyard import create_token
from drf_lanyard.authentication import LanyardAuthentication
from drf_lanyard.rest.permissions import HasScope, IsSession

from .token_calls import use

READ: Any = HasScope("posts:read")  # REST framework's stubs know `|` and `&` of classes only
WRITE: Any = HasScope("posts:write")


@pytest.mark.parametrize(
    ("scopes", "permission", "allowed"),
    [
        (["posts:read"], READ, True),
        (["posts:read"], WRITE, False),
        (["posts:read", "posts:write"], WRITE, True),
        (["posts"], READ, False),
        (["posts:READ"], READ, False),
        ([], READ, True),
        (["posts:read"], HasScope("posts:read", "posts:write"), False),
        (["posts:read", "posts:write", "x"], HasScope("posts:read", "posts:write"), True),
        (["posts:read"], READ | WRITE, True),
        (["posts:read"], READ & WRITE, False),
        (["posts:read"], ~WRITE, True),
        (["posts:read"], AllowAny, True),
        ([], IsSession, False),
    ],
)
@pytest.mark.django_db
def test_api_tokens(alice: Any, scopes: list[str], permission: Any, allowed: bool) -> None:
    token, _ = create_token(alice, "CI", scopes=scopes)
    response = use(token, permission)
    assert response.status_code == (200 if allowed else 403)


@pytest.mark.django_db
def test_the_refusal_has_a_code(alice: Any) -> None:
    response = use(create_token(alice, "CI", scopes=["posts:read"])[0], WRITE)
    assert (response.status_code, response.data["code"]) == (403, "permission_denied")


class Probe(APIView):
    authentication_classes = (LanyardAuthentication,)
    permission_classes = (WRITE,)

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.pk})


@pytest.mark.django_db
def test_a_session_may_do_all_that_its_user_may(tokens: dict[str, Any]) -> None:
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert Probe.as_view()(request).status_code == 200


def test_nobody_has_no_scope() -> None:
    assert Probe.as_view()(APIRequestFactory().get("/")).status_code == 401


@pytest.mark.parametrize("scopes", [(), ("",), ("a b",), ('"',)])
def test_scopes_that_are_none_are_noticed_when_the_view_is_written(scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="scope"):
        HasScope(*scopes)
