"""The exception handler for a project's own views."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.http import Http404
from rest_framework import exceptions

from drf_lanyard.core import errors
from drf_lanyard.exceptions import to_api_exception
from drf_lanyard.rest.errors import exception_handler


def answer(error: Exception) -> tuple[int, Any]:
    response = exception_handler(error, {})
    assert response is not None
    return response.status_code, response.data


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.AuthenticationFailed(), 401, "authentication_failed"),
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (PermissionDenied(), 403, "permission_denied"),
        (Http404(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.Throttled(3), 429, "throttled"),
        (exceptions.ParseError(), 400, "invalid_request"),
        (exceptions.APIException(["several"]), 500, "error"),
        (errors.TokenRevoked(), 401, "token_revoked"),
        (errors.CsrfFailed(), 403, "csrf_failed"),
    ],
)
@pytest.mark.django_db
def test_every_refusal_has_a_code(error: Exception, status: int, code: str) -> None:
    got, body = answer(error)
    assert (got, body["code"], set(body)) == (status, code, {"detail", "code"})


@pytest.mark.django_db
def test_what_is_wrong_with_a_body_is_under_errors() -> None:
    status, body = answer(exceptions.ValidationError({"text": ["Too long."]}))
    assert (status, body["code"], body["errors"]) == (400, "invalid_request", {"text": ["Too long."]})
    _, body = answer(exceptions.ValidationError("Nonsense."))
    assert body["errors"] == {"non_field_errors": ["Nonsense."]}


@pytest.mark.django_db
def test_headers() -> None:
    waiting = exception_handler(exceptions.Throttled(2.5), {})
    assert waiting is not None
    assert waiting["Retry-After"] == "3"
    failed = exceptions.AuthenticationFailed()
    failed.auth_header = "Bearer"  # type: ignore[attr-defined]
    response = exception_handler(failed, {})
    assert response is not None
    assert response["WWW-Authenticate"] == "Bearer"


def test_what_is_not_for_clients() -> None:
    assert exception_handler(ZeroDivisionError(), {}) is None
    assert exception_handler(OperationalError(), {}) is None


@pytest.mark.django_db
def test_a_project_s_request_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    exception_handler(errors.TokenRevoked(), {})
    assert connection.needs_rollback
    connection.set_rollback(False)


@pytest.mark.parametrize("seconds", [-1, 0, 1, 7])
def test_retry_after_is_never_zero(seconds: int) -> None:
    exception: Any = to_api_exception(errors.Throttled(seconds))
    assert exception.wait == max(1, seconds)
    assert exception.detail == {"detail": errors.Throttled.default_detail, "code": "throttled"}
