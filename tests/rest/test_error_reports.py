"""A failure must not carry a password, a token or a cookie of ours into Django's error reports."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.db import OperationalError
from django.http import HttpRequest
from django.template.defaultfilters import pprint
from django.test import RequestFactory
from django.urls import resolve, reverse
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter
from rest_framework import serializers
from rest_framework.test import APIClient

from drf_lanyard import create_token, sign_in
from drf_lanyard.apps import _hide_our_cookies_in_error_reports
from drf_lanyard.error_reports import ExceptionReporterFilter
from drf_lanyard.rest import api_tokens, reset_mail
from drf_lanyard.stores.orm import OrmSessions
from drf_lanyard.tokens import ApiTokenService

pytestmark = [pytest.mark.django_db, pytest.mark.databases("sqlite")]

PASSWORD = "a-very-secret-password-for-reports"
OWN_PAGE: dict[str, Any] = {"secure": True, "HTTP_ORIGIN": "https://testserver"}


class Reports(logging.Handler):
    """What `AdminEmailHandler` would mail, as text and as HTML, and every variable in full."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.functions: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        exc_info: Any = record.exc_info or (None, record.getMessage(), None)
        reporter = ExceptionReporter(getattr(record, "request", None), *exc_info)
        frames = [frame for frame in reporter.get_traceback_frames() if "vars" in frame]  # one of a cause has none
        self.functions |= {frame["function"] for frame in frames}
        variables = "".join(pprint(value) for frame in frames for _, value in frame["vars"])
        self.sent.append(reporter.get_traceback_text() + reporter.get_traceback_html() + variables)

    def tell(self, secret: str) -> bool:
        assert self.sent, "no report was made"
        return any(secret in report for report in self.sent)


@pytest.fixture
def reports() -> Iterator[Reports]:
    handler = Reports()
    loggers = [logging.getLogger(name) for name in ("django.request", "drf_lanyard")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture
def alice(django_user_model: Any) -> Any:
    cache.clear()
    return django_user_model.objects.create_user("reported", "reported@example.com", PASSWORD)


@pytest.fixture
def client() -> APIClient:
    return APIClient(raise_request_exception=False)


def fail(*args: Any, **kwargs: Any) -> Any:
    raise ZeroDivisionError


class NotJson(serializers.BaseSerializer[Any]):
    def to_representation(self, instance: Any) -> Any:
        return {"name": object()}


def post_login(client: APIClient) -> Any:
    return client.post("/auth/login/", {"username": "reported", "password": PASSWORD}, format="json")


# What was posted, and variables


@pytest.mark.parametrize("name", ["login", "refresh", "password-change", "obtain-token", "logout", "verify"])
def test_what_is_posted_to_our_views_is_in_no_report(name: str) -> None:
    request = RequestFactory().post("/", {"refresh": PASSWORD})
    resolve(reverse(f"lanyard:{name}")).func(request)
    assert SafeExceptionReporterFilter().get_post_parameters(request)["refresh"] != PASSWORD


def test_a_sign_in_that_fails(alice: Any, client: APIClient, reports: Reports, settings: Any) -> None:
    settings.LANYARD = {"CLAIMS": f"{__name__}.fail"}
    assert post_login(client).status_code == 500
    assert "_sign_in" in reports.functions
    assert not reports.tell(PASSWORD)


def test_a_sign_in_whose_answer_is_no_json_leaves_no_session(
    alice: Any, client: APIClient, reports: Reports, settings: Any
) -> None:
    settings.LANYARD = {"USER_SERIALIZER": f"{__name__}.NotJson"}
    assert post_login(client).status_code == 500
    assert not reports.tell("lrt_")
    assert list(alice.lanyard_sessions.values_list("revoked_reason", flat=True)) == ["not_issued"]


def test_a_refresh_whose_answer_is_no_json(alice: Any, client: APIClient, reports: Reports, settings: Any) -> None:
    refresh = sign_in(None, alice).refresh
    settings.LANYARD = {"USER_SERIALIZER": f"{__name__}.NotJson"}
    assert client.post("/auth/refresh/", {"refresh": refresh}, format="json").status_code == 500
    assert "rendered_content" in reports.functions
    assert not reports.tell("lrt_")


def test_a_sign_out_that_fails(alice: Any, client: APIClient, reports: Reports, monkeypatch: Any) -> None:
    refresh = sign_in(None, alice).refresh
    monkeypatch.setattr(OrmSessions, "load", fail)
    assert client.post("/auth/logout/", {"refresh": refresh}, format="json").status_code == 500
    assert "session_of" in reports.functions
    assert not reports.tell(refresh)


def test_api_tokens_for_a_password(alice: Any, client: APIClient, reports: Reports, monkeypatch: Any) -> None:
    monkeypatch.setattr(api_tokens, "create_token", fail)
    body = {"username": "reported", "password": PASSWORD}
    assert client.post("/auth/obtain-token/", body, format="json").status_code == 500
    assert "_obtain" in reports.functions
    assert not reports.tell(PASSWORD)


def test_a_new_api_token(alice: Any, client: APIClient, reports: Reports, monkeypatch: Any) -> None:
    header = f"Bearer {sign_in(None, alice).access}"
    monkeypatch.setattr(api_tokens, "ApiTokenSerializer", fail)
    answer = client.post("/auth/api-tokens/", {"name": "x"}, format="json", HTTP_AUTHORIZATION=header)
    assert answer.status_code == 500
    assert not reports.tell("lan_")


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_an_api_token_at_first_sight(
    alice: Any, client: APIClient, reports: Reports, settings: Any, scheme: str
) -> None:
    token, _ = create_token(alice, "x")
    settings.LANYARD = {"CLAIMS": f"{__name__}.fail"}
    assert client.get("/protected/", HTTP_AUTHORIZATION=f"{scheme} {token}").status_code == 500
    assert ApiTokenService.authenticate.__name__ in reports.functions
    assert not reports.tell(token)


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("by", ["header", "cookie"])
def test_an_access_token_whose_user_cannot_be_loaded(
    alice: Any, client: APIClient, reports: Reports, settings: Any, monkeypatch: Any, by: str, known: bool
) -> None:
    settings.LANYARD = {"USER_LOADING": "eager"}
    access = sign_in(None, alice, transport="cookie" if by == "cookie" else "bearer").access
    sent: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {access}"}
    if by == "cookie":
        sent = {"HTTP_COOKIE": f"__Host-lanyard-access={access}", "secure": True}
    if known:
        assert client.get("/protected/", **sent).status_code == 200

    def unreachable(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(type(alice), "refresh_from_db", unreachable)
    assert client.get("/protected/", **sent).status_code == 500
    assert not reports.tell(access)


def test_a_mail_that_cannot_be_sent(alice: Any, reports: Reports, monkeypatch: Any) -> None:
    monkeypatch.setattr(default_token_generator, "make_token", lambda user: "a-reset-token")
    monkeypatch.setattr(reset_mail, "send_mail", fail)
    reset_mail._send_all(alice.email, "https://app.example.com/r/{uid}/{token}", None)  # as the thread calls it
    assert "_send" in reports.functions
    assert not reports.tell("a-reset-token")


# Cookies


@pytest.mark.parametrize("cookie_name", ["lanyard", "shop"])
def test_cookies_are_in_no_report_whoever_the_view_belongs_to(cookie_name: str, settings: Any) -> None:
    """The page may be anybody's, and the report one that Django made before a view was found."""
    settings.LANYARD = {"COOKIE": {"NAME": cookie_name}}
    names = [f"{prefix}{cookie_name}-{kind}" for prefix in ("", "__Host-") for kind in ("access", "refresh")]
    request = RequestFactory().get("/", HTTP_COOKIE="; ".join([*(f"{name}=a-secret" for name in names), "theme=dark"]))
    report = reported(request)
    assert "a-secret" not in report
    assert all(name in report for name in names)
    assert "dark" in report


def test_cookies_are_in_the_report_of_no_view_of_ours(
    alice: Any, client: APIClient, reports: Reports, monkeypatch: Any
) -> None:
    body = {"username": "reported", "password": PASSWORD, "transport": "cookie"}
    assert client.post("/auth/login/", body, format="json", **OWN_PAGE).status_code == 200
    monkeypatch.setattr(OrmSessions, "load", fail)
    assert client.post("/auth/refresh/", **OWN_PAGE).status_code == 500
    assert not reports.tell(client.cookies["__Host-lanyard-refresh"].value)
    assert not reports.tell(client.cookies["__Host-lanyard-access"].value)


@pytest.mark.parametrize("wrong", [{"LEASE": "soon"}, {"COOKIE": "none"}])
def test_cookies_where_the_settings_cannot_work(client: APIClient, reports: Reports, settings: Any, wrong: Any) -> None:
    settings.LANYARD = wrong
    assert client.get("/protected/", HTTP_COOKIE="__Host-lanyard-access=a-secret", secure=True).status_code == 500
    assert not reports.tell("a-secret")


def test_cookies_where_the_service_cannot_be_built(client: APIClient, reports: Reports, monkeypatch: Any) -> None:
    monkeypatch.setattr("drf_lanyard.methods.tokens.get_lanyard", fail)
    assert client.get("/protected/", HTTP_COOKIE="__Host-lanyard-access=a-secret", secure=True).status_code == 500
    assert not reports.tell("a-secret")


def reported(request: HttpRequest) -> str:
    reporter = ExceptionReporter(request, ZeroDivisionError, ZeroDivisionError(), None)
    return reporter.get_traceback_text() + reporter.get_traceback_html()


def test_a_filter_that_the_project_chose_stays(settings: Any) -> None:
    chosen = "django.views.debug.SafeExceptionReporterFilter"
    settings.DEFAULT_EXCEPTION_REPORTER_FILTER = chosen
    _hide_our_cookies_in_error_reports()
    assert chosen == settings.DEFAULT_EXCEPTION_REPORTER_FILTER


def test_the_password_in_a_push_url(settings: Any) -> None:
    settings.LANYARD = {"PUSH_URL": "redis://:a-secret@127.0.0.1:1", "LEASE": 1.5}
    shown = ExceptionReporterFilter().get_safe_settings()
    assert "a-secret" not in str(shown)
    assert shown["LANYARD"]["LEASE"] == 1.5
