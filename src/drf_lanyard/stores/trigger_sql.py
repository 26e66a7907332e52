"""The triggers on the user's tables, as each database spells them.

Every one does the same, in the order in which everybody takes locks: the user's live sessions (by key), the epoch, the
log. Each carries a digest of all that was written for it, by which an outdated one is known.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .dialect import NOW

Cause = Literal["password", "deactivated", "activated", "deleted"]
#: What a primary key is, for writing it as Python's `str` does.
Kind = Literal["integer", "text", "uuid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Tables and types, quoted; on PostgreSQL with their schema."""

    session: str
    epoch: str
    log: str
    #: The type of `user_id` in them.
    key_type: str
    #: Goes before the name of a function.
    schema: str = ""
    #: The channel of NOTIFY that wakes readers; "" for none.
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What one trigger looks at. Names are quoted; `key` is the column that holds the user's primary key."""

    cause: Cause
    table: str
    key: str
    kind: Kind
    #: "" for deletion.
    column: str = ""

    @property
    def name(self) -> str:
        return f"lanyard_user_{self.cause}"

    @property
    def ends_sessions(self) -> bool:
        """Not for a password: Django's re-encoding at sign-in looks the same from here, and a refresh can tell."""
        return self.cause in ("deactivated", "deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What creates it, and what is then found in the database."""

    watch: Watch
    create: tuple[str, ...]
    drop: tuple[str, ...]
    mark: str


def postgresql(watch: Watch, names: Names) -> Trigger:
    """Per statement: sessions and epochs of all users that it concerns are locked in one order.

    The keys go into an array, since a plan that was made for one row would be kept for a million. The function runs as
    whoever installed it, so that a program that may only write users needs no rights on our tables.
    """
    function = f"{names.schema}{watch.name}"
    old = f"SELECT {watch.key} FROM lanyard_old"
    new = f"SELECT {watch.key} FROM lanyard_new"
    keys = {
        "password": f"SELECT key FROM (SELECT {watch.key} AS key, {watch.column} FROM lanyard_old "
        f"EXCEPT SELECT {watch.key}, {watch.column} FROM lanyard_new) AS one",
        "deactivated": f"{old} WHERE {watch.column} EXCEPT {new} WHERE {watch.column}",
        "activated": f"{new} WHERE {watch.column} EXCEPT {old} WHERE {watch.column}",
        "deleted": old,
    }[watch.cause]
    order = 'key COLLATE "C"' if watch.kind == "text" else "key"  # as Python sorts
    live = "user_id = ANY (changed) AND revoked_at IS NULL"
    waking = [
        "IF pg_notification_queue_usage() < 0.5 THEN",
        f"  PERFORM pg_notify('{names.channel}', '');",
        "END IF;",
    ]
    lines = [
        f"DECLARE changed {names.key_type}[] := ARRAY(SELECT key FROM ({keys}) AS found (key) ORDER BY {order});",
        "BEGIN",
        "IF cardinality(changed) = 0 THEN RETURN NULL; END IF;",
        f"PERFORM 1 FROM {names.session} WHERE {live} ORDER BY id FOR UPDATE;",
        _ending(watch, names, "postgresql", live),
        f"WITH raised AS (INSERT INTO {names.epoch} AS stored (user_id, epoch) SELECT unnest(changed), 1",
        "ON CONFLICT (user_id) DO UPDATE SET epoch = stored.epoch + 1 RETURNING user_id, epoch)",
        f"INSERT INTO {names.log} (uid, credential, subject, epoch, ends_sessions)",
        "SELECT ('x0' || right(replace(gen_random_uuid()::text, '-', ''), 15))::bit(64)::bigint + 1, '',",
        f"user_id::text, epoch, {str(watch.ends_sessions).lower()} FROM raised;",
        *(waking if names.channel else []),
        "RETURN NULL;",
        "END",
    ]
    rows = "OLD TABLE AS lanyard_old" + ("" if watch.cause == "deleted" else " NEW TABLE AS lanyard_new")
    define = f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
    define += f" SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $lanyard$\n-- {_MARK}\n"
    attach = f"CREATE OR REPLACE TRIGGER {watch.name} AFTER {_event(watch)} ON {watch.table} REFERENCING {rows}"
    attach += f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    return _marked(
        watch,
        [
            define + "\n".join(lines) + "\n$lanyard$",
            f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC",
            attach,
        ],
        [f"DROP TRIGGER IF EXISTS {watch.name} ON {watch.table}", f"DROP FUNCTION IF EXISTS {function}()"],
    )


def mysql(watch: Watch, names: Names, *, replaces: bool) -> Trigger:
    """Per row: there is nothing else. `replaces`: MariaDB has CREATE OR REPLACE, MySQL needs a moment without."""
    old, new = f"OLD.{watch.column}", f"NEW.{watch.column}"
    condition = {
        # As bytes: the collations that are the default take "a" for "A".
        "password": f"NOT (CAST({old} AS BINARY) <=> CAST({new} AS BINARY))",
        "deactivated": f"{old} AND NOT COALESCE({new}, 0)",
        "activated": f"{new} AND NOT COALESCE({old}, 0)",
        "deleted": "TRUE",
    }[watch.cause]
    key = f"OLD.{watch.key}"
    subject = {
        "integer": f"CAST({key} AS CHAR)",
        "text": key,
        "uuid": f"LOWER(INSERT(INSERT(INSERT(INSERT(REPLACE(CAST({key} AS CHAR), '-', ''), "
        "9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'))",
    }[watch.kind]
    live = f"user_id = {key} AND revoked_at IS NULL"
    lines = [
        f"CREATE {'OR REPLACE ' if replaces else ''}TRIGGER {watch.name} AFTER {_event(watch)} ON {watch.table}",
        "FOR EACH ROW BEGIN",
        f"/* {_MARK} */",
        "DECLARE locked BIGINT;",
        f"IF {condition} THEN",
        f"SELECT COUNT(*) INTO locked FROM {names.session} WHERE {live} FOR UPDATE;",
        _ending(watch, names, "mysql", live),
        f"INSERT INTO {names.epoch} (user_id, epoch) VALUES ({key}, 1) ON DUPLICATE KEY UPDATE epoch = epoch + 1;",
        f"INSERT INTO {names.log} (uid, credential, subject, epoch, ends_sessions)",
        # RAND() is small and seeded by the clock, RANDOM_BYTES() is new.
        "SELECT CAST(CONV(LEFT(SHA2(CONCAT(UUID(), RAND()), 256), 15), 16, 10) AS UNSIGNED) + 1, '',",
        f"{subject}, epoch, {int(watch.ends_sessions)} FROM {names.epoch} WHERE user_id = {key};",
        "END IF;",
        "END",
    ]
    drop = f"DROP TRIGGER IF EXISTS {watch.name}"
    return _marked(watch, [*([] if replaces else [drop]), "\n".join(lines)], [drop])


def sqlite(watch: Watch, names: Names) -> Trigger:
    """Per row. Nothing in it can conflict: OR REPLACE of the statement outside would apply to it."""
    old, new = f"OLD.{watch.column}", f"NEW.{watch.column}"
    condition = {
        "password": f"WHEN {old} IS NOT {new}",
        "deactivated": f"WHEN {old} AND NOT COALESCE({new}, 0)",
        "activated": f"WHEN {new} AND NOT COALESCE({old}, 0)",
        "deleted": "",
    }[watch.cause]
    key = f"OLD.{watch.key}"
    digits = f"replace({key}, '-', '')"
    parts = (f"substr({digits}, {start}, {count})" for start, count in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12)))
    uuid = " || '-' || ".join(parts)
    subject = {"integer": f"CAST({key} AS TEXT)", "text": key, "uuid": f"lower({uuid})"}[watch.kind]
    live = f"user_id = {key} AND revoked_at IS NULL"
    lines = [
        f"CREATE TRIGGER {watch.name} AFTER {_event(watch)} ON {watch.table} FOR EACH ROW {condition} BEGIN",
        f"-- {_MARK}",
        _ending(watch, names, "sqlite", live),
        f"INSERT INTO {names.epoch} (user_id, epoch) SELECT {key}, 0",
        f"WHERE NOT EXISTS (SELECT 1 FROM {names.epoch} WHERE user_id = {key});",
        f"UPDATE {names.epoch} SET epoch = epoch + 1 WHERE user_id = {key};",
        f"INSERT INTO {names.log} (uid, credential, subject, epoch, ends_sessions)",
        f"SELECT (random() & {2**62 - 1}) + 1, '', {subject}, epoch, {int(watch.ends_sessions)}",
        f"FROM {names.epoch} WHERE user_id = {key};",
        "END",
    ]
    drop = f"DROP TRIGGER IF EXISTS {watch.name}"
    return _marked(watch, [drop, "\n".join(lines)], [drop])


_MARK = "drf-lanyard:digest"


def _ending(watch: Watch, names: Names, vendor: str, live: str) -> str:
    """So that activating the user again does not revive them."""
    if watch.cause != "deactivated":
        return ""
    return f"UPDATE {names.session} SET revoked_at = {NOW[vendor]}, revoked_reason = 'deactivated' WHERE {live};"


def _event(watch: Watch) -> str:
    return "DELETE" if watch.cause == "deleted" else "UPDATE"


def _marked(watch: Watch, create: Iterable[str], drop: Iterable[str]) -> Trigger:
    statements = tuple(create)
    mark = "drf-lanyard:" + hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]
    return Trigger(
        watch=watch,
        create=tuple(statement.replace(_MARK, mark) for statement in statements),
        drop=tuple(drop),
        mark=mark,
    )
