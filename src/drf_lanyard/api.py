"""What a project calls from Python. Every function works inside and outside requests."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest

from . import django_sessions
from .conf import get_settings
from .core.errors import UserInactive
from .core.model import Client, Denied, Issued, Transport
from .models import ApiToken, Session
from .signals import signed_in
from .stores.dialect import write_transaction
from .transport import MAX_DEVICE, clean, client_of
from .wiring import alias, get_api_tokens, get_lanyard


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

    The transport says how a client is to hold the tokens; a refresh through another one is refused. With `session`,
    Django's `login()` is called on the request, which needs SessionMiddleware, and the tokens are not for the client.

    Raises `UserInactive` or `InvalidCredentials` (`drf_lanyard.core.errors`).
    """
    if transport == "session":
        django_sessions.require(request)
    client = Client(device=clean(device, MAX_DEVICE)) if request is None else client_of(request, device=device)
    outcome = get_lanyard().sign_in(user, method=method, transport=transport, client=client)
    if isinstance(outcome, Denied):
        raise outcome.error
    _tell_django(request, user, outcome if transport == "session" else None)
    signed_in.send(sender=Session, request=request, user=user, session_id=outcome.session.id)
    return outcome


def _tell_django(request: HttpRequest | None, user: Any, opened: Issued | None) -> None:
    """Begin Django's session, if one was `opened` for it, or send `user_logged_in`.

    Either way Django saves `last_login`, which fails if the user has just been deleted.
    """
    try:
        if opened is not None:
            django_sessions.begin(request, user, opened.session)
            return
        with django_sessions.unobserved():
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


def revoke_user(
    user: Any, *, reason: str = "revoked", keep_sessions: bool = False, api_tokens: bool = False, wait: bool = False
) -> None:
    """End every session of a user and make every access token stale.

    `keep_sessions` only makes the tokens stale: clients refresh, and the new ones carry new claims. `api_tokens` also
    deletes the user's API tokens, which otherwise live on with fresh claims; no request that was let in before adds one
    after. `wait` as in `revoke_session`.
    """
    lanyard = get_lanyard()
    lanyard.refuse_to_wait_in_transaction(wait)
    with _held(user) if api_tokens else nullcontext():
        lanyard.revoke_users([user.pk], reason, keep_sessions=keep_sessions)
        if api_tokens:  # last, and a locking read: it sees what others have committed, whatever the isolation
            owned = ApiToken.objects.using(alias()).select_for_update().filter(user_id=user.pk).order_by("pk")
            get_api_tokens().revoke(list(owned.values_list("pk", flat=True)), reason)
    lanyard.wait_out_the_lease(wait)


@contextmanager
def _held(user: Any) -> Iterator[None]:
    """A transaction that holds the user's row, as `api-tokens/` does while it looks at the session and adds a token.

    A token that was added before is deleted; whoever comes after finds the session ended or the epoch raised. First
    the user, then sessions: the order of a sign-in.
    """
    with write_transaction(alias()):
        rows = get_user_model()._base_manager.using(alias()).select_for_update().filter(pk=user.pk)
        list(rows.values_list("pk"))
        yield


def revoke_users(
    users: "QuerySet[Any] | Iterable[Any]", *, reason: str = "revoked", keep_sessions: bool = False, wait: bool = False
) -> int:
    """`revoke_user` for many: after `QuerySet.update`, `bulk_update` or raw SQL, which send no signal. Their number.

    A queryset is asked now: what it filters by may have been changed by then. Make a list of the users before.
    """
    if isinstance(users, QuerySet):  # a replica may not know yet who it is about
        keys = list((users if getattr(users, "_db", None) else users.using(alias())).values_list("pk", flat=True))
    else:
        keys = [user.pk for user in users]
    get_lanyard().revoke_users(keys, reason, keep_sessions=keep_sessions, wait=wait)
    return len(keys)


def create_token(
    user: Any,
    name: str,
    *,
    scopes: Iterable[str] = (),
    lifetime: float | timedelta | Literal["default"] | None = "default",
    idle_lifetime: float | timedelta | None = None,
) -> tuple[str, UUID]:
    """A new API token for `user`, and its id. Only its digest is stored: show the token now or never.

    `scopes` (RFC 6749 section 3.3) limit it where a view asks `HasScope`; with none it may do all that its user may.
    Lifetimes are in seconds, None for no end; "default" is `LANYARD["API_TOKEN"]["LIFETIME"]`. `idle_lifetime`, at
    least 3600: it also ends when it has not been used for so long.

    Raises ValueError that says what is wrong: a name that is empty or too long, a scope that is none, a lifetime.
    """
    ends = get_settings().api_token.lifetime if lifetime == "default" else _seconds(lifetime)
    return get_api_tokens().create(user.pk, name, scope=scopes, lifetime=ends, idle_lifetime=_seconds(idle_lifetime))


def revoke_token(token: ApiToken | UUID | str, *, reason: str = "revoked") -> bool:
    """Delete one API token, given as the token itself, its id or its row; whether there was one.

    Every process refuses it within the lease. ValueError for text that is neither a token nor an id.
    """
    service = get_api_tokens()
    if isinstance(token, ApiToken):
        token = token.pk
    if isinstance(token, str):
        token_id = service.id_of(token) if service.tokens.is_well_formed(token) else UUID(token)
    else:
        token_id = token
    return token_id is not None and service.revoke([token_id], reason) == 1


def _seconds(duration: float | timedelta | None) -> float | None:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration
