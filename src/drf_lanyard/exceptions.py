"""What an `AuthError` becomes in HTTP: the one table of statuses, and the challenge of RFC 6750 section 3."""

from collections.abc import Mapping
from types import MappingProxyType

from rest_framework import exceptions

from .core import errors

REALM = "api"


class ServiceUnavailable(exceptions.APIException):
    """503; `wait` (whole seconds, at least 1) becomes Retry-After."""

    status_code = 503
    default_detail = errors.StoreUnavailable.default_detail
    default_code = errors.StoreUnavailable.code


#: Everything that is not here is a 401.
KINDS: Mapping[str, type[exceptions.APIException]] = MappingProxyType(
    {
        errors.InvalidRequest.code: exceptions.ParseError,
        errors.NotAuthenticated.code: exceptions.NotAuthenticated,
        errors.CsrfFailed.code: exceptions.PermissionDenied,
        errors.PermissionDenied.code: exceptions.PermissionDenied,
        errors.Throttled.code: exceptions.Throttled,
        errors.StoreUnavailable.code: ServiceUnavailable,
    }
)

#: 401 that are not about a token: the challenge then has no `error` (RFC 6750 section 3.1).
_WITHOUT_TOKEN = frozenset({errors.NotAuthenticated.code, errors.InvalidCredentials.code})


def to_api_exception(error: errors.AuthError) -> exceptions.APIException:
    """The exception that REST framework turns into our answer, with `detail` and `code` in its body."""
    kind = KINDS.get(error.code, exceptions.AuthenticationFailed)
    exception = kind.__new__(kind)  # Throttled's own initialiser takes another first argument and rewrites the text
    # Only a dictionary carries the code into the body.
    exceptions.APIException.__init__(exception, {"detail": error.detail, "code": error.code}, error.code)
    if isinstance(error, errors.Throttled | errors.StoreUnavailable):
        exception.wait = error.retry_after  # type: ignore[attr-defined]
    return exception


def challenge(scheme: str = "Bearer", *, code: str | None = None, realm: str = REALM) -> str:
    """The value of `WWW-Authenticate` for a 401 with this code; None: nothing was presented."""
    about_token = code is not None and code not in _WITHOUT_TOKEN
    return f'{scheme} realm="{realm}"' + (', error="invalid_token"' if about_token else "")
