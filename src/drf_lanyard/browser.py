"""What a request says of the browser behind it: the transport that suits it, and whether its page is trusted."""

import logging
from typing import Any

from django.conf import settings as django_settings

from .conf import get_settings
from .core import origin
from .core.errors import CsrfFailed, InvalidRequest
from .core.model import Transport
from .core.origin import SAFE_METHODS, Source

logger = logging.getLogger("drf_lanyard")
_IN_COOKIES = ("hybrid", "cookie")
_NO_REFRESH = (
    "A browser gets no refresh token in a body: any script of the page could keep it. Use the transport hybrid or "
    'cookie, or list the origin of an app in LANYARD["BEARER_ORIGINS"].'
)
_NO_TLS = (
    "This transport needs HTTPS. Behind a proxy that ends TLS, Django needs SECURE_PROXY_SSL_HEADER to know of it."
)


def source_of(request: Any) -> Source:
    """Where the request comes from. Raises Django's DisallowedHost (400) for a `Host` that is not ours."""
    meta = request.META
    return Source(
        host=request.get_host(),
        is_secure=request.is_secure(),
        origin=meta.get("HTTP_ORIGIN", ""),
        fetch_site=meta.get("HTTP_SEC_FETCH_SITE", ""),
    )


def check_source(request: Any, *, by_cookie: bool = False) -> None:
    """The cross-site rule (see `core.origin`) for a request that changes something. Raises `CsrfFailed`.

    Origins of apps that may hold refresh tokens are trusted wherever no cookie is involved.
    """
    if request.method in SAFE_METHODS:
        return
    settings = get_settings()
    trusted = settings.trusted_origins if by_cookie else (*settings.trusted_origins, *settings.bearer_origins)
    source = source_of(request)
    try:
        origin.check(source, trusted, method=request.method, by_cookie=by_cookie)
    except CsrfFailed:
        logger.warning(
            "Refused (csrf_failed): Origin %.200r, Sec-Fetch-Site %.20r, for the host %r%s. "
            'A page to be trusted is listed in LANYARD["TRUSTED_ORIGINS"]; a proxy has to pass Host on.',
            source.origin,
            source.fetch_site,
            source.host,
            " over https" if source.is_secure else "",
        )
        raise


def may_hold_refresh_tokens(request: Any) -> bool:
    """Whether a refresh token may be in a body: of a client that is no browser, or of an app in BEARER_ORIGINS."""
    meta = request.META
    if not (meta.get("HTTP_ORIGIN") or meta.get("HTTP_SEC_FETCH_SITE")):  # the quick half of `Source.is_browser`
        return True
    source = source_of(request)
    return not source.is_browser or source.origin in get_settings().bearer_origins


def refuse_refresh_in_body(request: Any) -> None:
    """Raises `InvalidRequest` unless `may_hold_refresh_tokens`."""
    if not may_hold_refresh_tokens(request):
        raise InvalidRequest(_NO_REFRESH)


def choose(request: Any, wanted: str | None) -> Transport:
    """The transport of a new session: the one asked for, or what suits the client.

    Raises `InvalidRequest` for one that is not in `TRANSPORTS` or that this client cannot have.
    """
    allowed = [name for name in get_settings().transports if name != "session" or _has_django_session(request)]
    preferred = "bearer" if may_hold_refresh_tokens(request) else "hybrid"
    chosen = wanted or (preferred if preferred in allowed else next(iter(allowed), ""))
    if chosen not in allowed:
        raise InvalidRequest("This transport is not available.")
    if chosen == "bearer":
        refuse_refresh_in_body(request)
    if chosen in _IN_COOKIES and not (request.is_secure() or django_settings.DEBUG):
        raise InvalidRequest(_NO_TLS)
    return chosen


def _has_django_session(request: Any) -> bool:
    return hasattr(getattr(request, "_request", request), "session")
