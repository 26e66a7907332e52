"""Triggers on the user's tables: they revoke where no signal is sent, whoever writes (`manage.py lanyard_triggers`).

They write what `receivers` writes, without knowing the setting of anything: an epoch and an entry of the log.
"""

from collections.abc import Iterator
from typing import Any, Literal

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field

from ..core.errors import ConfigurationError
from ..models import Revocation, Session, UserEpoch
from . import trigger_sql
from .trigger_sql import Cause, Kind, Names, Trigger, Watch

State = Literal["installed", "missing", "outdated"]
#: The column whose change is the cause.
COLUMNS: tuple[tuple[Cause, str], ...] = (
    ("password", "password"),
    ("deactivated", "is_active"),
    ("activated", "is_active"),
)


def wanted(alias: str, channel: str = "") -> list[Trigger]:
    """The triggers for the user model as it is. `channel`: of NOTIFY, where readers are to be woken so.

    Raises ConfigurationError where triggers cannot do it: what it says is for the command line.
    """
    connection = connections[alias]
    names = _names(connection, channel)
    watches = _watches(connection)
    if connection.vendor == "postgresql":
        return [trigger_sql.postgresql(watch, names) for watch in watches]
    if connection.vendor == "mysql":
        replaces: bool = connection.mysql_is_mariadb  # type: ignore[attr-defined]
        return [trigger_sql.mysql(watch, names, replaces=replaces) for watch in watches]
    return [trigger_sql.sqlite(watch, names) for watch in watches]


def states(alias: str, triggers: list[Trigger]) -> dict[str, State]:
    """What the database has of each, by name."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        return {
            trigger.watch.name: _state(_stored(connection.vendor, cursor, trigger), trigger) for trigger in triggers
        }


def install(alias: str, triggers: list[Trigger]) -> None:
    """Create or replace them: all or, but on MariaDB, none. Raises DatabaseError."""
    _execute(alias, [statement for trigger in triggers for statement in trigger.create])


def remove(alias: str, triggers: list[Trigger]) -> None:
    """Drop those that are there. Raises DatabaseError."""
    _execute(alias, [statement for trigger in triggers for statement in trigger.drop])


def _execute(alias: str, statements: list[str]) -> None:
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


# What is there

_STORED = {
    # A disabled trigger counts as another than ours.
    "postgresql": "SELECT CASE WHEN t.tgenabled IN ('O', 'A') THEN p.prosrc ELSE '' END FROM pg_trigger t "
    "JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgname = %s AND t.tgrelid = to_regclass(%s)",
    "mysql": "SELECT action_statement FROM information_schema.triggers "
    "WHERE trigger_schema = DATABASE() AND trigger_name = %s AND %s <> ''",
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = %s AND %s <> ''",
}


def _stored(vendor: str, cursor: Any, trigger: Trigger) -> str | None:
    cursor.execute(_STORED[vendor], [trigger.watch.name, trigger.watch.table])
    row = cursor.fetchone()
    return None if row is None else str(row[0])


def _state(stored: str | None, trigger: Trigger) -> State:
    if stored is None:
        return "missing"
    return "installed" if trigger.mark in stored else "outdated"


# The user model


def _watches(connection: BaseDatabaseWrapper) -> Iterator[Watch]:
    """The password and `is_active` may be in tables of models that the user model inherits from, or nowhere."""
    user: Any = get_user_model()._meta.concrete_model
    keys, kind = dict(_keys(user)), _kind(user)
    quote = connection.ops.quote_name

    def watch(cause: Cause, model: Any, column: str = "") -> Watch:
        if model not in keys:
            raise ConfigurationError(
                f"the table {model._meta.db_table} does not hold the primary key of {user._meta.label}, "
                "which inherits from several models that have tables."
            )
        return Watch(cause=cause, table=_located(connection, model), key=quote(keys[model]), kind=kind, column=column)

    for cause, name in COLUMNS:
        if (field := _column(user, name)) is not None:
            yield watch(cause, field.model._meta.concrete_model, quote(field.column))
    yield watch("deleted", user)


def _keys(user: Any) -> Iterator[tuple[Any, str]]:
    """The models whose tables hold the user's primary key, and the column."""
    model: Any = user
    while model is not None:
        key = model._meta.pk
        yield model, key.column
        is_link = key.remote_field is not None and key.remote_field.parent_link
        model = key.remote_field.model._meta.concrete_model if is_link else None


def _column(user: Any, name: str) -> Any:
    """A field that has a column; None for the attributes that `AbstractBaseUser` has in their place."""
    try:
        field = user._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if name == "is_active" and field.get_internal_type() != "BooleanField":
        raise ConfigurationError(f"{user._meta.label}.is_active is not a BooleanField.")
    return field


def _kind(user: Any) -> Kind:
    """How the primary key is spelled in the log, which must be as `str(user.pk)` spells it."""
    field: Field[Any, Any] = user._meta.pk
    while field.remote_field is not None:
        field = field.target_field  # type: ignore[attr-defined]
    kind = field.get_internal_type()
    if not hasattr(field, "from_db_value"):
        if kind == "UUIDField":
            return "uuid"
        if kind.endswith(("AutoField", "IntegerField")):
            return "integer"
        if kind in ("CharField", "TextField", "SlugField"):
            return "text"
    raise ConfigurationError(
        f"how a {type(field).__name__}, the primary key of {user._meta.label}, is spelled is known to Python only."
    )


# Our own tables


def _names(connection: BaseDatabaseWrapper, channel: str) -> Names:
    log = _located(connection, Revocation)
    return Names(
        session=_located(connection, Session),
        epoch=_located(connection, UserEpoch),
        log=log,
        key_type=str(UserEpoch._meta.pk.db_type(connection)),
        schema=log.rpartition(".")[0] + "." if connection.vendor == "postgresql" else "",
        channel=channel,
    )


def _located(connection: BaseDatabaseWrapper, model: Any) -> str:
    """A model's table, quoted; on PostgreSQL with its schema, since whoever writes may have another search_path."""
    quoted: str = connection.ops.quote_name(model._meta.db_table)
    if connection.vendor != "postgresql":
        return quoted
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(n.nspname), quote_ident(c.relname) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)",
            [quoted],
        )
        if (row := cursor.fetchone()) is None:
            raise ConfigurationError(f"there is no table {quoted}; run migrate first.")
        return ".".join(row)
