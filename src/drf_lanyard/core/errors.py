"""One tree of errors. The `code` of a class is stable and part of the public contract.

The HTTP status of a code is chosen at the edge, never here.
"""

from typing import ClassVar


class LanyardError(Exception):
    """Anything this library raises on purpose."""


class ConfigurationError(LanyardError):
    """The project's settings cannot work; raised at start-up, never per request."""


class AuthError(LanyardError):
    """A request that is not let through. Never carries a token or a password."""

    code: ClassVar[str]
    default_detail: ClassVar[str]

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default_detail
        super().__init__(self.detail)


class InvalidRequest(AuthError):
    code = "invalid_request"
    default_detail = "The request is malformed."


class NotAuthenticated(AuthError):
    code = "not_authenticated"
    default_detail = "Authentication credentials were not provided."


class InvalidCredentials(AuthError):
    code = "invalid_credentials"
    default_detail = "No active account matches these credentials."


class TokenMalformed(AuthError):
    code = "token_malformed"
    default_detail = "The token is not in a form this server issues."


class TokenInvalid(AuthError):
    code = "token_invalid"
    default_detail = "The token is not valid."


class TokenExpired(AuthError):
    code = "token_expired"
    default_detail = "The token has expired."


class TokenRevoked(AuthError):
    code = "token_revoked"
    default_detail = "The token has been revoked."


class TokenStale(AuthError):
    code = "token_stale"
    default_detail = "The token is out of date; refresh it."


class RefreshReused(AuthError):
    code = "refresh_reused"
    default_detail = "This refresh token was used before; the session has been ended."


class SessionExpired(AuthError):
    code = "session_expired"
    default_detail = "The session has expired; sign in again."


class UserInactive(AuthError):
    code = "user_inactive"
    default_detail = "The user is inactive or no longer exists."


class CsrfFailed(AuthError):
    code = "csrf_failed"
    default_detail = "The request comes from an origin that is not trusted."


class PermissionDenied(AuthError):
    code = "permission_denied"
    default_detail = "This credential may not do that."


class Throttled(AuthError):
    """Too many attempts; `retry_after` is in whole seconds, at least 1."""

    code = "throttled"
    default_detail = "Too many attempts; try again later."

    def __init__(self, retry_after: int, detail: str | None = None) -> None:
        super().__init__(detail)
        self.retry_after = max(1, retry_after)


class StoreUnavailable(AuthError):
    """The revocation log could not be read in time; the request fails closed."""

    code = "store_unavailable"
    default_detail = "Authentication is temporarily unavailable."
    retry_after: ClassVar[int] = 1
