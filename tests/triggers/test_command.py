"""`manage.py lanyard_triggers`: what it says and does, and what it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import DatabaseError, OperationalError, connection
from django.test import override_settings

from drf_lanyard.models import Session
from drf_lanyard.stores import triggers
from tests.fleet.kit import eventually

from .kit import NAMES, epoch_of, manage, sql, update_active, update_password, written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _removed(transactional_db: None) -> Iterator[None]:
    yield
    manage("remove")


def said(text: str) -> list[str]:
    """What it says of each trigger; the names are checked."""
    lines = [line.split(": ") for line in text.splitlines()]
    assert [line[0].partition(" on ")[0] for line in lines] == NAMES
    assert all("auth_user" in line[0] for line in lines)
    return [line[1] for line in lines]


def status(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Of a status that fails: what was printed before."""
    from django.core.management import call_command

    capsys.readouterr()
    with pytest.raises(CommandError, match="Run lanyard_triggers install"):
        call_command("lanyard_triggers", "status")
    return said(capsys.readouterr().out)


def test_from_install_to_remove(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(capsys) == ["missing"] * 4
    assert said(manage("install")) == ["installed"] * 4
    assert said(manage("status")) == ["installed"] * 4
    assert said(manage("install")) == ["is current"] * 4
    assert said(manage("remove")) == ["removed"] * 4
    assert said(manage("remove")) == ["was missing"] * 4
    assert status(capsys) == ["missing"] * 4


def test_without_them_nothing_is_written(alice: Any) -> None:
    manage("install")
    manage("remove")
    update_password(alice)
    assert (written(), epoch_of(alice)) == ([], None)


def test_those_of_another_version_are_outdated(alice: Any, capsys: pytest.CaptureFixture[str]) -> None:
    manage("install")
    trigger = triggers.wanted("default")[0]
    for statement in [*trigger.drop, *trigger.create]:
        sql(statement.replace(trigger.mark, "drf-lanyard:0123456789abcdef"))
    assert status(capsys) == ["outdated", *["installed"] * 3]
    assert said(manage("install")) == ["replaced", *["is current"] * 3]
    update_password(alice)
    assert epoch_of(alice) == 1


def test_a_single_one_that_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    manage("install")
    sql(triggers.wanted("default")[1].drop[0])
    assert status(capsys) == ["installed", "missing", "installed", "installed"]
    assert said(manage("install")) == ["is current", "installed", "is current", "is current"]


@pytest.mark.databases("postgres")
def test_one_that_is_disabled_is_not_taken_for_one(alice: Any, capsys: pytest.CaptureFixture[str]) -> None:
    manage("install")
    sql("ALTER TABLE auth_user DISABLE TRIGGER ALL")
    assert status(capsys) == ["outdated"] * 4
    manage("install")
    update_password(alice)
    assert epoch_of(alice) == 1


@pytest.mark.databases("sqlite")
def test_remaking_a_table_in_sqlite(capsys: pytest.CaptureFixture[str]) -> None:
    """As migrations do there. The users' own table loses its triggers; with another one SQLite refuses."""
    manage("install")
    with connection.schema_editor() as editor:
        editor._remake_table(get_user_model())  # type: ignore[attr-defined]
    assert status(capsys) == ["missing"] * 4
    manage("install")
    with pytest.raises(OperationalError, match="lanyard_user"), connection.schema_editor() as editor:
        editor._remake_table(Session)  # type: ignore[attr-defined]
    assert said(manage("status")) == ["installed"] * 4  # it was rolled back


# Who may not


@contextmanager
def as_user(**credentials: str) -> Iterator[None]:
    """The connection of this thread, opened as somebody else."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(credentials)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


@contextmanager
def as_clerk() -> Iterator[None]:
    """Connected as somebody who may read and write users, and nothing else."""
    if connection.vendor == "postgresql":
        boss, who, made, gone = {}, "clerk", "PASSWORD 'clerk'", "DROP OWNED BY clerk"
    else:  # the account of the tests may not give rights away
        boss, who, made, gone = {"USER": "root", "PASSWORD": ""}, "clerk@'%%'", "IDENTIFIED BY 'clerk'", "SELECT 1"
    with as_user(**boss):
        sql(f"CREATE USER {who} {made}")
        sql(f"GRANT SELECT, UPDATE ON auth_user TO {who}")
    with as_user(USER="clerk", PASSWORD="clerk"):
        yield
    with as_user(**boss):
        sql(gone)
        sql(f"DROP USER {who}")


@pytest.mark.databases("postgres", "mariadb")
def test_missing_rights_are_an_error_with_the_reason() -> None:
    with as_clerk(), pytest.raises(CommandError, match="denied") as caught:
        manage("install")
    assert caught.value.__suppress_context__


@pytest.mark.databases("postgres", "mariadb")
def test_another_program_needs_no_rights_on_our_tables(alice: Any) -> None:
    manage("install")
    postgres = connection.vendor == "postgresql"
    with as_clerk():
        if postgres:
            sql("SET search_path = ''")
        sql(f"UPDATE {'public.' if postgres else ''}auth_user SET is_active = false WHERE id = %s", alice.pk)
        with pytest.raises(DatabaseError, match="denied"):
            sql(f"UPDATE {'public.' if postgres else ''}lanyard_userepoch SET epoch = 0")
    assert written() == [(str(alice.pk), 1, True)]


@pytest.mark.databases("postgres")
def test_nobody_else_can_use_the_functions() -> None:
    manage("install")
    with as_clerk(), pytest.raises(DatabaseError, match="denied for function"):
        sql("CREATE TEMP TABLE mine (id int)")
        sql("CREATE TRIGGER mine AFTER DELETE ON mine EXECUTE FUNCTION public.lanyard_user_deleted()")


def test_the_hint_of_a_replicated_mariadb(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OperationalError(1419, "You do not have the SUPER privilege and binary logging is enabled")

    def refuse(*args: Any) -> None:
        raise error

    monkeypatch.setattr(triggers, "install", refuse)
    with pytest.raises(CommandError, match="log_bin_trust_function_creators"):
        manage("install")


# Where


@pytest.mark.databases("postgres")
def test_the_tables_of_another_schema(alice: Any) -> None:
    """The first of the search_path, as with one schema per tenant; whoever writes later may have another path."""
    tables = ["auth_user", "lanyard_session", "lanyard_userepoch", "lanyard_revocation"]
    sql('CREATE SCHEMA "Tenant 1"')
    try:
        for table in tables:
            sql(f'CREATE TABLE "Tenant 1".{table} (LIKE public.{table} INCLUDING ALL)')
        sql('INSERT INTO "Tenant 1".auth_user SELECT * FROM public.auth_user')
        sql('SET search_path = "Tenant 1", public')
        manage("install")
        sql("RESET search_path")
        sql('UPDATE "Tenant 1".auth_user SET is_active = false')
        assert written() == []
        sql('SET search_path = "Tenant 1", public')
        assert written() == [(str(alice.pk), 1, True)]
        manage("remove")
    finally:
        sql("RESET search_path")
        sql('DROP SCHEMA "Tenant 1" CASCADE')


class Apart:
    """Users live elsewhere."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "elsewhere" if model is get_user_model() else None


def test_users_in_another_database() -> None:
    with (
        override_settings(DATABASE_ROUTERS=[Apart()]),
        pytest.raises(CommandError, match="users are in 'elsewhere', the revocation log is in 'default'"),
    ):
        manage("install")


# Push


@pytest.mark.databases("postgres")
def test_postgres_wakes_its_listeners(alice: Any, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from drf_lanyard.stores.push_postgres import CHANNEL, PostgresChannel

    manage("install")
    settings.LANYARD = {"PUSH_URL": "postgres"}
    assert status(capsys) == ["outdated"] * 4
    manage("install")
    channel = PostgresChannel("default", None)
    try:
        alice.last_name = "Liddell"
        get_user_model()._base_manager.bulk_update([alice], ["last_name"])  # silence
        update_active(alice)
        sql(f"NOTIFY {CHANNEL}, 'the end'")
        heard: list[str] = []
        while "the end" not in heard:
            heard += eventually(lambda: channel.receive(0.1) or [])
        assert heard == ["", "the end"]
    finally:
        channel.close()
    settings.LANYARD = {}
