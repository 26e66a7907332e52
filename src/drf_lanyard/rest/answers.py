"""How credentials leave: the one shape that login, refresh and a password change share, by the session's transport."""

import json
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from .. import cookies
from ..browser import refuse_refresh_in_body
from ..core.errors import ConfigurationError
from ..core.model import Denied, Issued
from .serializers import represent_user


def credentials(outcome: Issued | Denied, request: Request) -> Response:
    """200 with what the client should know about its credentials, and those that it may hold.

    Tokens go into the body or into cookies, never both; of a Django session there are none. Raises the error of a
    refusal, and ConfigurationError if a cookie would be too large.
    """
    if isinstance(outcome, Denied):
        raise outcome.error
    transport = outcome.session.transport
    body: dict[str, Any] = {}
    if transport in ("bearer", "hybrid"):
        body["access"] = outcome.access
    if transport == "bearer":
        refuse_refresh_in_body(request._request)
        body["refresh"] = outcome.refresh
    body["expires_in"] = outcome.expires_in
    if "access" in body:
        body["token_type"] = "Bearer"
    if transport == "session":
        body["expires_in"] = request._request.session.get_expiry_age()
    body |= {
        "session": str(outcome.session.id),
        "user": represent_user(outcome.session.user, request),
        "claims": outcome.claims,
    }
    response = Response(body)
    if transport in ("hybrid", "cookie"):
        _write_cookies(response, request, outcome)
    return response


def _write_cookies(response: Response, request: Request, issued: Issued) -> None:
    cookies.write(response, request, "refresh", issued.refresh, issued.refresh_expires_in)
    if issued.session.transport != "cookie":
        return
    try:
        # It outlives its token: a dead one that still arrives keeps another cookie from speaking for the same browser.
        cookies.write(response, request, "access", issued.access, issued.refresh_expires_in)
    except ConfigurationError as error:
        size = len(json.dumps(issued.claims).encode())
        hint = f'LANYARD["CLAIMS"] gives {size} bytes for this user: give less, or use the transport hybrid.'
        raise ConfigurationError(f"{error} {hint}") from None
