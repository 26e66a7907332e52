"""What a process knows of a token is let in by a short way: nothing that the long way does may be lost on it."""

import base64
import sys
from collections import OrderedDict
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory, override_settings
from django.views.debug import ExceptionReporter
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_lanyard import authentication as ours
from drf_lanyard import create_token, revoke_token, wiring
from drf_lanyard.core.counts import counts
from drf_lanyard.core.errors import TokenInvalid

pytestmark = [pytest.mark.django_db, pytest.mark.databases("sqlite")]


def ask(authenticator: Any, view: type[APIView] = APIView, **extra: Any) -> Any:
    class Probe(view):  # type: ignore[misc,valid-type]
        authentication_classes = [authenticator]

        def get(self, request: Any) -> Response:
            return Response({"user": request.user.pk})

    return Probe.as_view()(RequestFactory().get("/", **extra)).render()


def refuse(self: Any, *args: Any) -> Any:
    raise TokenInvalid


@pytest.fixture
def api_token(alice: Any) -> str:
    token, _ = create_token(alice, "CI")
    return f"Token {token}"


@pytest.fixture
def access(tokens: dict[str, Any]) -> str:
    return f"Bearer {tokens['access']}"


@pytest.mark.parametrize("hook", ["find", "identify"])
@pytest.mark.parametrize("kind", [ours.JWTAuthentication, ours.TokenAuthentication, ours.LanyardAuthentication])
def test_a_subclass_that_refuses_is_asked_each_time(kind: Any, hook: str, access: str, api_token: str) -> None:
    header = api_token if kind is ours.TokenAuthentication else access
    strict = type("Strict", (kind,), {hook: refuse})
    for _ in range(2):
        assert ask(strict, HTTP_AUTHORIZATION=header).status_code == 401
        assert ask(kind, HTTP_AUTHORIZATION=header).status_code == 200


@pytest.mark.parametrize("hook", ["find", "identify", "schemes"])
@pytest.mark.parametrize("kind", [ours.JWTAuthentication, ours.TokenAuthentication, ours.LanyardAuthentication])
def test_a_mixin_that_refuses_is_asked_each_time(kind: Any, hook: str, access: str, api_token: str) -> None:
    header = api_token if kind is ours.TokenAuthentication else access
    own = (lambda self: frozenset({"other"})) if hook == "schemes" else refuse
    strict = type("Strict", (type("Mixin", (), {hook: own}), kind), {})
    for _ in range(2):
        assert ask(strict, HTTP_AUTHORIZATION=header).status_code == 401
        assert ask(kind, HTTP_AUTHORIZATION=header).status_code == 200


def test_a_class_between_that_refuses_is_asked_each_time(access: str) -> None:
    strict = type("Strict", (ours.JWTAuthentication,), {"find": refuse})
    both = type("Both", (ours.LanyardAuthentication, strict), {})
    for _ in range(2):
        assert ask(both, HTTP_AUTHORIZATION=access).status_code == 401
        assert ask(ours.LanyardAuthentication, HTTP_AUTHORIZATION=access).status_code == 200


def test_who_brings_a_recall_along_is_taken_at_its_word(access: str) -> None:
    asked: list[str] = []

    def recall(self: Any, services: Any, scheme: str, token: str) -> Any:
        asked.append(scheme)
        return ours.JWTAuthentication.recall(self, services, scheme, token)

    own = type("Own", (ours.JWTAuthentication,), {"recall": recall, "identify": refuse})
    assert ask(ours.JWTAuthentication, HTTP_AUTHORIZATION=access).status_code == 200
    assert ask(own, HTTP_AUTHORIZATION=access).status_code == 200
    assert asked == ["Bearer"]


@pytest.mark.parametrize("others", [{}, {"basic": ours.BasicAuthentication()}])
def test_methods_may_be_left_out(others: dict[str, Any], access: str, api_token: str) -> None:
    fewer = type("Fewer", (ours.LanyardAuthentication,), {"others": others})
    bearer = api_token.replace("Token", "Bearer")
    for _ in range(2):
        for header in (api_token, bearer, "Token x"):
            assert ask(fewer, HTTP_AUTHORIZATION=header).status_code == 401
        assert ask(fewer, HTTP_AUTHORIZATION=access).status_code == 200
        for header in (api_token, bearer):
            assert ask(ours.LanyardAuthentication, HTTP_AUTHORIZATION=header).status_code == 200


def test_a_subclass_that_takes_fewer_schemes_takes_no_more(api_token: str, alice: Any) -> None:
    bearer_only = type("BearerOnly", (ours.LanyardAuthentication,), {"schemes": lambda self: frozenset({"bearer"})})
    for _ in range(2):
        assert ask(bearer_only, HTTP_AUTHORIZATION=api_token).status_code == 401
        assert ask(ours.TokenAuthentication, HTTP_AUTHORIZATION=api_token).data == {"user": alice.pk}


def test_a_scheme_of_others_is_foreign_also_for_a_known_token(api_token: str, alice: Any) -> None:
    methods = {**ours.LanyardAuthentication.others, "token": ours.TokenAuthentication(keyword="ApiKey")}
    mixed = type("Mixed", (ours.LanyardAuthentication,), {"others": methods})
    header = api_token.replace("Token", "ApiKey")
    for _ in range(2):
        assert ask(mixed, HTTP_AUTHORIZATION=header).status_code == 401
        assert ask(ours.TokenAuthentication(keyword="ApiKey"), HTTP_AUTHORIZATION=header).data == {"user": alice.pk}


def test_methods_by_cookie_need_no_more_than_find() -> None:
    never = type("Never", (ours.CookieAuthentication,), {"find": refuse})
    mixed = type("Mixed", (ours.LanyardAuthentication,), {"by_cookie": (never(),)})
    assert ask(mixed).status_code == 401


def test_vary_is_merged_into_whatever_dictionary_a_view_has(access: str) -> None:
    class Ordered(APIView):
        @property
        def default_response_headers(self) -> Any:
            return OrderedDict(super().default_response_headers)

    for _ in range(2):
        answer = ask(ours.LanyardAuthentication, Ordered, HTTP_AUTHORIZATION=access)
        assert answer.headers["Vary"] == "Authorization, Cookie"


def test_a_revoked_api_token_is_judged_once(api_token: str) -> None:
    assert ask(ours.TokenAuthentication, HTTP_AUTHORIZATION=api_token).status_code == 200
    known = wiring.get_api_tokens().recall(api_token.partition(" ")[2])
    assert known is not None
    revoke_token(str(known.principal.token_id))
    before = counts.other_checks
    assert ask(ours.TokenAuthentication, HTTP_AUTHORIZATION=api_token).data["code"] == "token_revoked"
    assert counts.other_checks == before + 1


def frames_with(secret: str, work: Any) -> list[str]:
    """The frames of ours whose variables would be in a report of what `work` raises."""
    with pytest.raises(ZeroDivisionError):
        work()
    try:
        work()
    except ZeroDivisionError:
        frames = ExceptionReporter(RequestFactory().get("/"), *sys.exc_info()).get_traceback_frames()
    found = [frame for frame in frames if "drf_lanyard" in frame["filename"]]
    assert found
    return [frame["function"] for frame in found if secret in str(frame["vars"])]


def fail(*args: Any, **kwargs: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("kind", [ours.BasicAuthentication, ours.LanyardAuthentication])
def test_a_password_in_a_header_is_in_no_report(kind: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr("drf_lanyard.methods.basic.verified_user", fail)
    header = base64.b64encode(b"alice:in-no-report").decode()
    assert frames_with(header, lambda: ask(kind, HTTP_AUTHORIZATION=f"Basic {header}")) == []
    assert frames_with("in-no-report", lambda: ask(kind, HTTP_AUTHORIZATION=f"Basic {header}")) == []


@pytest.mark.parametrize("kind", [ours.TokenAuthentication, ours.LanyardAuthentication])
def test_a_known_token_is_in_no_report_when_its_user_cannot_be_loaded(
    kind: Any, api_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(LANYARD={"USER_LOADING": "eager"}):
        assert ask(kind, HTTP_AUTHORIZATION=api_token).status_code == 200
        assert wiring.get_api_tokens().recall(api_token.partition(" ")[2]) is not None

        def work() -> None:
            with monkeypatch.context() as patched:  # no longer than that: the report looks at the user too
                patched.setattr(get_user_model(), "refresh_from_db", fail)
                ask(kind, HTTP_AUTHORIZATION=api_token)

        assert frames_with(api_token.partition(" ")[2], work) == []


def test_nor_when_the_service_cannot_be_built(api_token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_services", None)
    monkeypatch.setattr(wiring, "_build", fail)
    secret = api_token.partition(" ")[2]
    assert frames_with(secret, lambda: ask(ours.LanyardAuthentication, HTTP_AUTHORIZATION=api_token)) == []
