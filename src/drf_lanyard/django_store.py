"""The store where Django keeps its sessions (`SESSION_ENGINE`), and what the rows in `Session` say of it."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings as django_settings

from .core.model import SessionState
from .models import Session
from .wiring import alias, get_lanyard

#: Where a Django session keeps what we know of it.
RECORD = "_lanyard"


def store() -> Any:
    """The class that a session is loaded with."""
    return import_module(django_settings.SESSION_ENGINE).SessionStore


def destroy(keys: Iterable[str]) -> None:
    for key in keys:
        store()(session_key=key).delete()


def record_of(session: Any) -> dict[str, Any] | None:
    record = session.get(RECORD)
    return record if isinstance(record, dict) else None


def follow(session: Any, state: SessionState) -> None:
    """Let the row end when Django's session does: Django prolongs that at every save, and `set_expiry` moves it."""
    ends = _bounded(_ends_at(session, state.now), state.absolute_expires_at)
    if abs(ends - state.idle_expires_at) > 1:
        Session.objects.using(alias()).filter(pk=state.id, revoked_at=None).update(idle_expires_at=ends)


def settle(rows: Iterable[Session]) -> None:
    """For `lanyard_prune`: rows that are over and still name a Django session.

    One that Django has prolonged keeps its row, which moves on with it. Any other is deleted, also where that failed
    when the row was ended; then the row lets go of its key, and may be deleted in its time.
    """
    now = get_lanyard().clock.time()
    for row in rows:
        session = store()(session_key=row.secret)
        ends = _outlives(row, session, now)
        same = Session.objects.using(alias()).filter(pk=row.pk, secret=row.secret)
        if ends is None:
            same.update(secret="")
        else:
            same.filter(revoked_at=None).update(idle_expires_at=ends)


def _outlives(row: Session, session: Any, now: float) -> float | None:
    """When the Django session of an ended row ends; None if there is none, or no longer."""
    record = record_of(session)
    if record is None or UUID(record["id"]) != row.pk:  # gone, or somebody signed in anew in it
        return None
    absolute = row.absolute_expires_at
    if row.revoked_at is not None or (absolute is not None and absolute <= now):
        session.delete()
        return None
    return _bounded(_ends_at(session, now), absolute)


def _ends_at(session: Any, now: float) -> float:
    """When Django ends a session that is there: exactly, where a table says so, and else at the latest."""
    model = getattr(session, "model", None)
    if model is not None:
        found = model.objects.filter(pk=session.session_key).values_list("expire_date", flat=True).first()
        if found is not None:
            return float(found.timestamp())
    return float(now + session.get_expiry_age())


def _bounded(ends: float, absolute: float | None) -> float:
    """A Django session that slides with every request is taken to be used until its absolute end."""
    if absolute is None:
        return ends
    return absolute if django_settings.SESSION_SAVE_EVERY_REQUEST else min(ends, absolute)
