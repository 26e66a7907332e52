"""What a browser holds of sessions, and letting it forget those that have ended. Never those of another session."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from .. import cookies, django_sessions
from ..core.errors import TokenMalformed
from ..core.model import Principal
from ..wiring import get_lanyard


def sessions_of(request: Request) -> set[UUID]:
    """The sessions whose genuine tokens are in the request's cookies; one statement at most."""
    lanyard = get_lanyard()
    refresh = cookies.read_leniently(request, "refresh")
    found = {lanyard.session_of(access=cookies.read_leniently(request, "access"))}
    if refresh is not None and _claimed_by(refresh) not in found:
        found.add(lanyard.session_of(refresh=refresh))
    return {session_id for session_id in found if session_id is not None}


def forget(response: Any, request: Request, ended: Collection[UUID]) -> None:
    """Clear the cookies that say they are of these sessions."""
    access = cookies.read_leniently(request, "access")
    if access is not None and get_lanyard().session_of(access=access) in ended:
        cookies.clear(response, request, "access")
    refresh = cookies.read_leniently(request, "refresh")
    if refresh is not None and _claimed_by(refresh) in ended:
        cookies.clear(response, request, "refresh")


def leave(response: Any, request: Request, principal: Principal) -> None:
    """The session that carried this request has ended: let the browser forget it, whatever it holds of it."""
    if principal.session_id is not None:
        forget(response, request, {principal.session_id})
    if principal.method == django_sessions.METHOD:
        django_sessions.forget(request._request)


def _claimed_by(refresh: str) -> UUID | None:
    """The session that a refresh token names; whether it is genuine does not matter for forgetting it."""
    try:
        return get_lanyard().refresh_tokens.parse(refresh).session_id
    except TokenMalformed:
        return None
