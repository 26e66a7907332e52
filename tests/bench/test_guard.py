"""The hot path does not grow unseen: calls and statements are counted, since times depend on the machine."""

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory, override_settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_lanyard import create_token, sign_in, wiring
from tests.rest.statements import recorded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite")]

#: Calls of functions, Python's and C's, of a warm request beyond those of an authenticator that does nothing.
#: Lower them when the path gets shorter (a failure says what was counted); raise them only for a good reason.
CALLS = {"jwt": 43, "api_token": 48, "cookie": 58}


class NullAuthentication(BaseAuthentication):
    user: Any = None

    def authenticate(self, request: Any) -> tuple[Any, None]:
        return self.user, None


class View(APIView):
    def get(self, request: Any) -> Response:
        return Response({"user": request.user.pk})


@pytest.fixture
def owner() -> Any:
    return get_user_model().objects.create_user("alice", password="wonderland")


@pytest.fixture(autouse=True)
def real_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reader of production, with a lease that no machine is slow enough to outlive."""
    monkeypatch.setattr(wiring, "in_test_environment", lambda: False)
    with override_settings(LANYARD={"LEASE": 3600, "READ_TIMEOUT": 60}):
        wiring.reset()
        yield
        wiring.reset()


def headers(owner: Any, method: str) -> dict[str, Any]:
    if method == "api_token":
        return {"HTTP_AUTHORIZATION": f"Token {create_token(owner, 'CI')[0]}"}
    if method == "cookie":
        token = sign_in(None, owner, transport="cookie").access
        return {"HTTP_COOKIE": f"__Host-lanyard-access={token}", "secure": True}
    return {"HTTP_AUTHORIZATION": f"Bearer {sign_in(None, owner).access}"}


def calls(work: Callable[[], Any]) -> int:
    """How many functions are called, whatever thread or collector interrupts."""
    counted = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counted


@pytest.mark.parametrize("method", CALLS)
def test_a_warm_request_calls_no_more_functions_than_it_did(owner: Any, method: str) -> None:
    extra = headers(owner, method)
    null = type("Null", (NullAuthentication,), {"user": owner})
    ours, nothing = View.as_view(), View.as_view(authentication_classes=[null])

    def ask(view: Any) -> int:
        request = RequestFactory().get("/", **extra)
        return calls(lambda: view(request).render())

    for view in (ours, nothing) * 3:  # warm: verified, read, cached
        assert view(RequestFactory().get("/", **extra)).status_code == 200
    beyond = min(ask(ours) for _ in range(3)) - min(ask(nothing) for _ in range(3))
    assert beyond <= CALLS[method], f"{beyond} calls beyond a null authenticator"


@pytest.mark.parametrize("method", CALLS)
def test_a_warm_request_asks_the_database_nothing(owner: Any, method: str) -> None:
    extra, view = headers(owner, method), View.as_view()
    assert view(RequestFactory().get("/", **extra)).status_code == 200
    with recorded() as statements:
        for _ in range(20):
            view(RequestFactory().get("/", **extra))
    assert statements == []
