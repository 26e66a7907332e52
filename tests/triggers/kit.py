"""Statements that send no signal, and what the log has of them."""

import io
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction

from drf_lanyard.models import Revocation, Session, UserEpoch

NAMES = [f"lanyard_user_{cause}" for cause in ("password", "deactivated", "activated", "deleted")]
NEW_PASSWORD = "looking glass"
Row = tuple[str, int, bool]


def manage(action: str) -> str:
    out = io.StringIO()
    call_command("lanyard_triggers", action, stdout=out)
    return out.getvalue()


def sql(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def written() -> list[Row]:
    """The log, oldest first: (user, epoch, whether sessions ended)."""
    rows = Revocation.objects.order_by("id").values_list("subject", "epoch", "ends_sessions")
    return [(subject, epoch, ends) for subject, epoch, ends in rows]


def epoch_of(user: Any) -> int | None:
    return UserEpoch.objects.filter(pk=user.pk).values_list("epoch", flat=True).first()


def update_password(user: Any) -> None:
    get_user_model()._base_manager.filter(pk=user.pk).update(password=make_password(NEW_PASSWORD))


def bulk_password(user: Any) -> None:
    user.password = make_password(NEW_PASSWORD)
    get_user_model()._base_manager.bulk_update([user], ["password"])


def sql_password(user: Any) -> None:
    sql("UPDATE auth_user SET password = %s WHERE id = %s", make_password(NEW_PASSWORD), user.pk)


def update_active(user: Any, to: bool = False) -> None:
    get_user_model()._base_manager.filter(pk=user.pk).update(is_active=to)


def bulk_active(user: Any) -> None:
    user.is_active = False
    get_user_model()._base_manager.bulk_update([user], ["is_active"])


def sql_active(user: Any) -> None:
    sql("UPDATE auth_user SET is_active = %s WHERE id = %s", False, user.pk)


def upsert_active(user: Any) -> None:
    """The user exists, so the database turns this INSERT into an UPDATE."""
    row = User(pk=user.pk, username=user.username, password=user.password, is_active=False)
    target: Any = {} if connection.vendor == "mysql" else {"unique_fields": ["id"]}
    User.objects.bulk_create([row], update_conflicts=True, update_fields=["is_active"], **target)


def sql_delete(user: Any) -> None:
    """The foreign keys want the sessions to go first."""
    with transaction.atomic():
        sql("DELETE FROM lanyard_session WHERE user_id = %s", user.pk)
        sql("DELETE FROM auth_user WHERE id = %s", user.pk)


def raw_delete(user: Any) -> None:
    with transaction.atomic():
        Session.objects.filter(user_id=user.pk)._raw_delete("default")
        get_user_model()._base_manager.filter(pk=user.pk)._raw_delete("default")


Cause = Callable[[Any], None]
PASSWORD_CAUSES: Mapping[str, Cause] = {
    "update": update_password,
    "bulk_update": bulk_password,
    "SQL": sql_password,
}
ACTIVE_CAUSES: Mapping[str, Cause] = {
    "update": update_active,
    "bulk_update": bulk_active,
    "SQL": sql_active,
    "upsert": upsert_active,
}
DELETE_CAUSES: Mapping[str, Cause] = {"_raw_delete": raw_delete, "SQL": sql_delete}
