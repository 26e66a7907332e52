"""Django's own sessions."""

from typing import Any

from django.utils.functional import LazyObject
from rest_framework.authentication import CSRFCheck
from rest_framework.request import Request

from .. import django_sessions
from ..core.errors import CsrfFailed, TokenRevoked
from .base import CookieMethod, Found, note_refusal, refusal_of

_DONE = "csrf_processing_done"


class SessionAuthentication(CookieMethod):
    """Whoever is signed in to Django, by the admin, or by our sign-in with the transport `session`.

    Not read when there is an Authorization header. Django's CSRF rule applies to requests that change something. Costs
    Django's own queries (the session, the user). Unlike REST framework's, it comes with a challenge, so that nobody
    signed in is a 401; and it refuses a session that was revoked, whichever store Django keeps it in. Where a dead
    access cookie was found before, nobody is let in: it may have been somebody else's.
    """

    def identify(self, request: Request) -> Found | None:
        http: Any = request._request
        user = getattr(http, "user", None)
        if user is None or not hasattr(http, "session") or refusal_of(request) is not None:
            return None
        if not user.is_authenticated or not getattr(user, "is_active", True):
            return None
        if isinstance(user, LazyObject):
            user = user._wrapped  # a real user, as with every other method
        principal = django_sessions.principal_of(http, user)
        if principal is None:
            note_refusal(request, TokenRevoked())
            return None
        check_csrf(http)
        return user, principal


def check_csrf(request: Any) -> None:
    """Django's own check, which views of REST framework are exempt from. Raises `CsrfFailed`.

    A passed check leaves a mark that makes the next one pass unseen; it is taken away again. (A check on a copy of the
    request would consume the body that the copy shares.)
    """
    before = request.__dict__.pop(_DONE, None)
    try:
        check: Any = CSRFCheck(_nothing)  # the answer of a failed check is its reason
        check.process_request(request)
        reason = check.process_view(request, None, (), {})
    finally:
        request.__dict__.pop(_DONE, None)
        if before is not None:
            setattr(request, _DONE, before)
    if reason:
        raise CsrfFailed(f"CSRF Failed: {reason}")


def _nothing(request: Any) -> Any:
    """What a middleware would call next."""
