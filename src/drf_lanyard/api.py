"""What a project calls from Python. Every function works inside and outside requests."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest

from .core.errors import UserInactive
from .core.model import Client, Denied, Issued, Transport
from .models import Session
from .signals import signed_in
from .transport import MAX_DEVICE, clean, client_of
from .wiring import alias, get_lanyard


def sign_in(
    request: HttpRequest | None,
    user: Any,
    *,
    method: str = "password",
    transport: Transport = "bearer",
    device: str = "",
) -> Issued:
    """Open a session for `user` and issue its tokens.

    `user` must be the instance whose credentials were just verified: if its password or `is_active` has changed in the
    database since it was read, the sign-in is refused. Sends Django's `user_logged_in` (which keeps `last_login`) and
    `signed_in`. `request` supplies address and user agent; None if there is no request.

    Raises `UserInactive` or `InvalidCredentials` (`drf_lanyard.core.errors`).
    """
    client = Client(device=clean(device, MAX_DEVICE)) if request is None else client_of(request, device=device)
    outcome = get_lanyard().sign_in(user, method=method, transport=transport, client=client)
    if isinstance(outcome, Denied):
        raise outcome.error
    _tell_django(request, user)
    signed_in.send(sender=Session, request=request, user=user, session_id=outcome.session.id)
    return outcome


def _tell_django(request: HttpRequest | None, user: Any) -> None:
    """Send `user_logged_in`, whose own receiver saves `last_login`: it fails if the user has just been deleted."""
    try:
        user_logged_in.send(sender=user.__class__, request=request, user=user)
    except DatabaseError:
        if type(user)._base_manager.using(alias()).filter(pk=user.pk).exists():
            raise
        raise UserInactive from None


def revoke_session(session: Session | UUID | str, *, reason: str = "revoked", wait: bool = False) -> bool:
    """End one session; whether it was live. ValueError for text that is not an id.

    With `wait`, returns when no process can still accept its tokens (one lease later); raises RuntimeError inside a
    transaction.
    """
    if isinstance(session, Session):
        session = session.pk
    session_id = session if isinstance(session, UUID) else UUID(str(session))
    return get_lanyard().revoke_sessions([session_id], reason, wait=wait) == 1


def revoke_user(user: Any, *, reason: str = "revoked", keep_sessions: bool = False, wait: bool = False) -> None:
    """End every session of a user and make every token stale.

    `keep_sessions` only makes the tokens stale: clients refresh, and the new ones carry new claims. `wait` as in
    `revoke_session`.
    """
    get_lanyard().revoke_users([user.pk], reason, keep_sessions=keep_sessions, wait=wait)


def revoke_users(
    users: "QuerySet[Any] | Iterable[Any]", *, reason: str = "revoked", keep_sessions: bool = False, wait: bool = False
) -> int:
    """`revoke_user` for many: after `QuerySet.update`, `bulk_update` or raw SQL, which send no signal. Their number."""
    if isinstance(users, QuerySet):  # a replica may not know yet who it is about
        keys = list((users if getattr(users, "_db", None) else users.using(alias())).values_list("pk", flat=True))
    else:
        keys = [user.pk for user in users]
    get_lanyard().revoke_users(keys, reason, keep_sessions=keep_sessions, wait=wait)
    return len(keys)
