"""Django's own sessions, kept in the same inventory as ours.

Every sign-in that makes one, ours with the transport `session` and Django's `login()` in the admin alike, has a row in
`Session`, and the Django session holds the row's id. Whatever ends the row deletes the Django session, and until then
the snapshot refuses it. `Session.secret` holds the Django session's key, since that is what must be deleted; the table
`django_session` has it in the clear as well. What cannot be deleted (signed cookies), or was not, the snapshot refuses
for as long as the log remembers. A Django session lives for longer, so its row is looked at twice in that time.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY, login, logout, update_session_auth_hash
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends import signed_cookies
from django.db import transaction
from django.db.models.signals import pre_delete

from .conf import get_settings
from .core.counts import counts
from .core.errors import AuthError, ConfigurationError, TokenRevoked, TokenStale
from .core.generations import Generations
from .core.model import Denied, Issued, SessionState
from .django_store import RECORD, destroy, follow, record_of, store
from .live import LivePrincipal
from .models import Session
from .signals import revoked
from .transport import client_of
from .wiring import alias, get_lanyard

METHOD = "session"
_MAX_KEY = 64

#: When this process last looked at a row, by its id. Not in the Django session: writing that would prolong it.
_looks: Generations[float] = Generations(10_000)

_signing_in: ContextVar[bool] = ContextVar("lanyard_signing_in", default=False)


def connect() -> None:
    """Called once, when the apps are ready."""
    user_logged_in.connect(_on_login, dispatch_uid="lanyard.django_session.login")
    user_logged_out.connect(_on_logout, dispatch_uid="lanyard.django_session.logout")
    revoked.connect(_on_revoked, sender=Session, dispatch_uid="lanyard.django_session.revoked")
    pre_delete.connect(_before_row_delete, sender=Session, dispatch_uid="lanyard.django_session.delete")


# Opening


def require(request: Any) -> None:
    """Raises ConfigurationError where Django keeps no sessions."""
    if not hasattr(request, "session"):
        raise ConfigurationError("The transport session needs a request and Django's SessionMiddleware.")


def begin(request: Any, user: Any, state: SessionState) -> None:
    """Sign `user` in to Django for the session of ours that was just opened. Nothing of an earlier sign-in survives."""
    before = _record(request)
    if SESSION_KEY in request.session:
        request.session.flush()
    with unobserved():
        login(request, user)  # a new key: what an attacker has planted is worth nothing
    _bind(request, state)
    if before is not None:
        get_lanyard().revoke_sessions([UUID(before["id"])], "replaced")


@contextmanager
def unobserved() -> Iterator[None]:
    """A `user_logged_in` sent inside tells of a session that has its row."""
    token = _signing_in.set(True)
    try:
        yield
    finally:
        _signing_in.reset(token)


def _on_login(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Django's own `login()`: let the session appear among the devices."""
    session = getattr(request, "session", None)
    if _signing_in.get() or session is None or session.get(SESSION_KEY) != user._meta.pk.value_to_string(user):
        return
    if "session" not in get_settings().transports or _lives(_record(request)):
        return
    client = client_of(request)
    outcome = get_lanyard().sign_in(user, method="password", transport="session", client=client)
    if not isinstance(outcome, Denied):
        _bind(request, outcome.session)


def _lives(record: dict[str, Any] | None) -> bool:
    """Signing in again in the same session, as the same user, keeps its key and its row."""
    state = None if record is None else get_lanyard().sessions.load(UUID(record["id"]))
    return state is not None and state.revoked_at is None


def renew(request: Any, issued: Issued) -> None:
    """After a password change in this session: a new key, and the session fits the new password."""
    record = _record(request)
    if record is not None and UUID(record["id"]) == issued.session.id:
        update_session_auth_hash(request, issued.session.user)
        _bind(request, issued.session)


def _bind(request: Any, state: SessionState) -> None:
    session = request.session
    if session.session_key is None:
        session.create()
    key = _key(session)
    session[RECORD] = {
        "id": state.id.hex,
        "key": key,
        "epoch": state.epoch,
        "at": state.created_at,
        "until": state.absolute_expires_at,
        "looked": state.now,
    }
    idle = state.now + session.get_expiry_age()
    until = state.absolute_expires_at
    sliding = django_settings.SESSION_SAVE_EVERY_REQUEST
    ends = until if until is not None and (sliding or until < idle) else idle
    Session.objects.using(alias()).filter(pk=state.id, revoked_at=None).update(secret=key, idle_expires_at=ends)


def _key(session: Any) -> str:
    """What deletes the session; "" for one that only the browser holds."""
    if in_cookies():
        return ""
    key: str = session.session_key or ""
    return key if len(key) <= _MAX_KEY else ""


# Using


def principal_of(request: Any, user: Any) -> LivePrincipal | None:
    """Who is signed in to Django here; None if that session is dead, and then it is forgotten.

    Raises `StoreUnavailable`. No statement beyond Django's own, but when something about the user has changed, and when
    the last look at the row is so long ago that the log will soon forget what has happened since.
    """
    lanyard, session, record = get_lanyard(), request.session, _record(request)
    now = lanyard.clock.time()
    expires = now + session.get_expiry_age()
    if record is None:  # opened before this library was installed: ended by Django alone
        return LivePrincipal(
            user_id=str(user.pk), method=METHOD, issued_at=0.0, expires_at=expires, credential=0, user=user
        )
    key = UUID(record["id"])
    principal = LivePrincipal(
        user_id=str(user.pk),
        method=METHOD,
        session_id=key,
        epoch=record["epoch"],
        issued_at=record["at"],
        expires_at=min(expires, record["until"] or expires),
        credential=key.int,
        user=user,
    )
    refusal: type[AuthError] | None = TokenRevoked
    if now < principal.expires_at:
        counts.other_checks += 1
        refusal = lanyard.reader.fresh().verdict(principal)
    moved = refusal is None and record["key"] != _key(session)  # Django has given it another key: follow
    if moved or refusal is TokenStale:  # stale: something about the user has changed, and the row tells what
        refusal = _look_again(request, key, now, bind=True)
    elif refusal is None and not _looked(record, now):
        refusal = _look_again(request, key, now, bind=False)
    if refusal is None:
        return principal
    forget(request)
    return None


def _looked(record: dict[str, Any], now: float) -> bool:
    """Whether the log still knows everything that has happened since the last look at the row."""
    looks = (record.get("looked"), _looks.get(record["id"]))
    return any(look is not None and abs(now - look) < get_lanyard().policy.retention / 2 for look in looks)


def _look_again(request: Any, session_id: UUID, now: float, *, bind: bool) -> type[AuthError] | None:
    """`now` is from before the look."""
    sessions = get_lanyard().sessions
    state = sessions.load(session_id)
    if state is None or state.revoked_at is not None:
        return TokenRevoked
    _looks.put(session_id.hex, now)
    if bind:
        _bind(request, state)
    else:  # after the commit: on SQLite, a transaction that has only read may be refused to write
        sessions.after_commit(partial(follow, request.session, state))
    return None


def is_open(request: Any) -> bool:
    """Whether somebody is signed in to Django in this browser."""
    return hasattr(request, "session") and SESSION_KEY in request.session


def forget(request: Any) -> None:
    """The session is dead already: let go of it, so that nobody stores it again."""
    request.session.flush()
    if hasattr(request, "user"):
        request.user = AnonymousUser()


def end(request: Any) -> None:
    """Sign out of Django, and so of the session of ours."""
    logout(request)


def _record(request: Any) -> dict[str, Any] | None:
    return record_of(request.session)


# Ending


def _on_logout(sender: Any, request: Any, **kwargs: Any) -> None:
    record = _record(request) if hasattr(request, "session") else None
    if record is not None:
        get_lanyard().revoke_sessions([UUID(record["id"])], "logout")


def _on_revoked(sender: Any, session_ids: Collection[UUID], user_ids: Collection[Any], **kwargs: Any) -> None:
    """After the commit of whatever ended them: one statement, and more only where there are Django sessions."""
    if "session" not in get_settings().transports:
        return
    dead = Session.objects.using(alias()).filter(transport="session", revoked_at__isnull=False).exclude(secret="")
    dead = dead.filter(pk__in=session_ids) if session_ids else dead.filter(user_id__in=user_ids)
    keys = dict(dead.values_list("pk", "secret")) if session_ids or user_ids else {}
    if keys:
        destroy(keys.values())
        Session.objects.using(alias()).filter(pk__in=keys).update(secret="")


def _before_row_delete(sender: Any, instance: Session, **kwargs: Any) -> None:
    """The row goes, also with its user: afterwards nobody could say which session it was."""
    if instance.transport == "session" and instance.secret:
        key = instance.secret
        transaction.on_commit(lambda: destroy([key]), using=alias(), robust=True)


def in_cookies() -> bool:
    """Whether only browsers hold the sessions."""
    return issubclass(store(), signed_cookies.SessionStore)
