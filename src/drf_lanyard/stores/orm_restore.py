"""Doing again what a database has lost: revocations that only this process still knows of."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ..core.ids import log_uid
from ..core.model import Entry
from ..models import ApiToken, Revocation, Session, UserEpoch
from .dialect import NOW, upsert_epochs


def restore_entries(connection: BaseDatabaseWrapper, cursor: CursorWrapper, entries: Sequence[Entry]) -> None:
    """Append the entries, end what they ended, and raise epochs, so that the users' next tokens are valid."""
    credentials = [_stored(Session, UUID(int=e.credential), connection) for e in entries if e.credential]
    owners = [_stored(UserEpoch, e.subject, connection) for e in entries if e.subject and e.ends_sessions]
    end = f"UPDATE {Session._meta.db_table} SET revoked_at = {NOW[connection.vendor]}, revoked_reason = 'restored'"
    _where_in(cursor, f"{end} WHERE revoked_at IS NULL AND id", credentials)
    _where_in(cursor, f"{end} WHERE revoked_at IS NULL AND user_id", owners)
    _where_in(cursor, f"DELETE FROM {ApiToken._meta.db_table} WHERE id", credentials)
    _raise_epochs(connection, entries)  # after the sessions, in the order in which revoking locks them
    cursor.executemany(
        f"INSERT INTO {Revocation._meta.db_table} (uid, credential, subject, epoch, ends_sessions) "
        "VALUES (%s, %s, %s, %s, %s)",
        [
            (log_uid(), f"{e.credential:032x}" if e.credential else "", e.subject or "", e.epoch, e.ends_sessions)
            for e in entries
        ],
    )


def _raise_epochs(connection: BaseDatabaseWrapper, entries: Sequence[Entry]) -> None:
    raised = sorted({e.subject: e.epoch for e in entries if e.subject is not None}.items())
    if raised:
        owners = [_stored(UserEpoch, subject, connection) for subject, _ in raised]
        upsert_epochs(connection, UserEpoch._meta.db_table, owners, to=[epoch for _, epoch in raised])


def _stored(model: Any, key: Any, connection: BaseDatabaseWrapper) -> Any:
    """A primary key as its column holds it."""
    field = model._meta.pk
    return field.get_db_prep_save(field.to_python(key), connection)


def _where_in(cursor: CursorWrapper, statement: str, keys: Sequence[Any]) -> None:
    if keys:
        marks = ", ".join(["%s"] * len(keys))
        cursor.execute(f"{statement} IN ({marks})", list(keys))
