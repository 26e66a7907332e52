"""Every refusal as `{"detail": …, "code": …}`, with `errors` by field for a body that is wrong."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ..core.errors import AuthError, InvalidRequest, StoreUnavailable
from ..exceptions import to_api_exception
from ..methods.base import refusal_of

logger = logging.getLogger("drf_lanyard")


def respond(error: Exception) -> Response | None:
    """The answer to an exception, or None if it is not one that clients are told about.

    The response is for returning: nothing is rolled back, so what a refusal wrote stays written.
    """
    exception = _as_api_exception(error)
    if exception is None:
        return None
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(_body(exception), status=exception.status_code, headers=headers)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """For a project's `EXCEPTION_HANDLER`: its own views then answer with a `code` in every error too."""
    if isinstance(error, OperationalError | InterfaceError):
        return None
    if isinstance(error, exceptions.NotAuthenticated):
        error = why(error, context.get("request"))
    response = respond(error)
    if response is not None:
        set_rollback()
    return response


def why(error: exceptions.NotAuthenticated, request: Any) -> exceptions.APIException:
    """What is wrong with the request's cookie, which was treated as absent; or the error as it is."""
    refusal = refusal_of(request)
    if refusal is None:
        return error
    told = to_api_exception(refusal)
    if challenge := getattr(error, "auth_header", None):
        told.auth_header = challenge  # type: ignore[attr-defined]
    return told


def _as_api_exception(error: Exception) -> exceptions.APIException | None:
    match error:
        case exceptions.APIException():
            return error
        case AuthError():
            return to_api_exception(error)
        case Http404():
            return exceptions.NotFound()
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case OperationalError() | InterfaceError():
            logger.error("The database failed (%s).", type(error).__name__)
            return to_api_exception(StoreUnavailable())
    return None


def _body(exception: exceptions.APIException) -> dict[str, Any]:
    detail: Any = exception.detail
    if isinstance(exception, exceptions.ValidationError):
        errors = detail if isinstance(detail, dict) else {"non_field_errors": detail}
        return {"detail": InvalidRequest.default_detail, "code": InvalidRequest.code, "errors": errors}
    if isinstance(detail, dict):
        return detail
    if isinstance(detail, list):
        detail = detail[0]
    is_bad_request = isinstance(exception, exceptions.ParseError)
    return {"detail": detail, "code": InvalidRequest.code if is_bad_request else detail.code}
