"""User models of other shapes: where the columns are, how things are quoted, and what cannot be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, models
from django.test.utils import isolate_apps

from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.stores import triggers
from drf_lanyard.stores.trigger_sql import Names, Watch, mysql, postgresql, sqlite

from .kit import epoch_of, written


@contextmanager
def users_are(model: type[Any]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triggers, "get_user_model", lambda: model)
        yield


def causes(model: type[Any]) -> list[str]:
    with users_are(model):
        return [one.watch.cause for one in triggers.wanted("default")]


@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.testapp")
def test_names_that_need_quotes() -> None:
    class Odd(AbstractBaseUser):
        id = models.IntegerField(primary_key=True, db_column="user no.")
        password = models.CharField(max_length=128, db_column="pass word")
        is_active = models.BooleanField(default=True, db_column="select")

        class Meta:
            app_label = "testapp"
            db_table = "user-table of us"

    with connection.schema_editor() as editor:
        editor.create_model(Odd)
    try:
        with users_are(Odd):
            wanted = triggers.wanted("default")
            triggers.install("default", wanted)
            assert set(triggers.states("default", wanted).values()) == {"installed"}
        Odd._base_manager.bulk_create([Odd(pk=77, password="a")])
        Odd._base_manager.update(password="b")
        Odd._base_manager.update(is_active=False)
        Odd._base_manager.update(is_active=True)
        Odd._base_manager.all()._raw_delete("default")
        assert written() == [("77", 1, False), ("77", 2, True), ("77", 3, False), ("77", 4, True)]
        assert epoch_of(Odd(pk=77)) == 4
    finally:
        with users_are(Odd):
            triggers.remove("default", wanted)
        with connection.schema_editor() as editor:
            editor.delete_model(Odd)


NAMES = Names(session="s", epoch="e", log="l", key_type="uuid")
KEY = UUID("0190a0a0-ABCD-7000-8000-00000000ffff")


@pytest.mark.django_db
@pytest.mark.parametrize("stored", [KEY.hex, KEY.hex.upper(), str(KEY), str(KEY).upper()])
@pytest.mark.databases("mariadb", "sqlite")
def test_a_uuid_is_spelled_as_in_tokens_however_it_is_stored(stored: str) -> None:
    """MariaDB has had a type of its own since 10.7; columns from before are text without dashes."""
    watch = Watch(cause="deleted", table="t", key="k", kind="uuid")
    trigger = sqlite(watch, NAMES) if connection.vendor == "sqlite" else mysql(watch, NAMES, replaces=True)
    text = trigger.create[-1]
    subject = text[text.index("'',") + 3 : text.index(", epoch, 1")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + subject.replace("OLD.k", f"'{stored}'"))
        assert cursor.fetchone()[0] == str(KEY)


@pytest.mark.django_db
@pytest.mark.databases("sqlite")
@isolate_apps("tests.testapp")
def test_columns_that_are_not_there() -> None:
    class Always(AbstractBaseUser):  # is_active is an attribute of the class
        class Meta:
            app_label = "testapp"

    class Bare(models.Model):  # noqa: DJ008
        class Meta:
            app_label = "testapp"

    class Proxy(Always):
        class Meta:
            app_label = "testapp"
            proxy = True

    assert causes(Always) == causes(Proxy) == ["password", "deleted"]
    assert causes(Bare) == ["deleted"]


@pytest.mark.django_db
@pytest.mark.databases("sqlite")
@isolate_apps("tests.testapp")
def test_what_triggers_cannot_do() -> None:
    class Upper(models.CharField):
        def from_db_value(self, value: Any, *args: Any) -> Any:
            return value.upper()

    class Born(AbstractBaseUser):
        day = models.DateField(primary_key=True, default=date.today)

        class Meta:
            app_label = "testapp"

    class Shouting(AbstractBaseUser):
        name = Upper(primary_key=True, max_length=20)

        class Meta:
            app_label = "testapp"

    class Level(AbstractBaseUser):
        is_active = models.IntegerField(default=1)  # type: ignore[assignment]

        class Meta:
            app_label = "testapp"

    class Person(models.Model):  # noqa: DJ008
        person_no = models.AutoField(primary_key=True)

        class Meta:
            app_label = "testapp"

    class Account(AbstractBaseUser):
        account_no = models.AutoField(primary_key=True)

        class Meta:
            app_label = "testapp"

    class Both(Person, Account):  # noqa: DJ008
        class Meta:
            app_label = "testapp"

    for model, reason in (
        (Born, "DateField, the primary key of testapp.Born"),
        (Shouting, "Upper, the primary key"),
        (Level, "is_active is not a BooleanField"),
        (Both, "testapp_account does not hold the primary key of testapp.Both"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            causes(model)


def test_a_digest_follows_whatever_is_written() -> None:
    watch = Watch(cause="password", table="t", key="k", kind="uuid", column="c")
    marks = [
        postgresql(watch, NAMES).mark,
        postgresql(watch, Names(session="s", epoch="e", log="l", key_type="uuid", channel="c")).mark,
        postgresql(watch, Names(session="s", epoch="e", log="other", key_type="uuid")).mark,
        mysql(watch, NAMES, replaces=True).mark,
        sqlite(watch, NAMES).mark,
    ]
    assert len(set(marks)) == 5
    assert postgresql(watch, NAMES).mark == marks[0]
