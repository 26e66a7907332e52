"""Triggers: whatever the primary key is, the log spells it as tokens do; whichever table holds the columns."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from drf_lanyard import sign_in
from drf_lanyard.models import Session
from tests.fleet.conftest import no_reader_left  # noqa: F401
from tests.races.world import code, refresh, refusal
from tests.triggers.kit import NAMES, manage, sql, written

from .users import create_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def installed(transactional_db: None) -> Iterator[None]:
    manage("install")
    yield
    manage("remove")


@pytest.fixture
def alice(transactional_db: None) -> Any:
    return create_user("alice", **key("007"))


def everyone() -> Any:
    return get_user_model()._base_manager


def key(text: str) -> dict[str, str]:
    """For the model whose primary key is text that looks like a number."""
    return {"code": text} if everyone().model._meta.pk.name == "code" else {}


def test_they_are_on_the_tables_that_hold_the_columns() -> None:
    lines = manage("status").splitlines()
    assert [line.partition(" on ")[0] for line in lines] == NAMES
    table = everyone().model._meta.get_field("password").model._meta.db_table
    assert table in lines[0] and lines[0].endswith(": installed")
    assert everyone().model._meta.db_table in lines[-1]


def test_a_password_changed_by_update(alice: Any) -> None:
    issued, others = sign_in(None, alice), sign_in(None, create_user("bob", **key("7")))
    everyone().filter(pk=alice.pk).update(password=make_password("looking-glass"))
    assert written() == [(str(alice.pk), 1, False)]
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"
    assert refusal(others.access) == "ok"


def test_deactivated_by_bulk_update_and_active_again(alice: Any) -> None:
    issued = sign_in(None, alice)
    for active in (False, True):
        alice.is_active = active
        everyone().bulk_update([alice], ["is_active"])
    assert written() == [(str(alice.pk), 1, True), (str(alice.pk), 2, False)]
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"


def test_deleted_by_sql(alice: Any) -> None:
    issued = sign_in(None, alice)
    quote = connection.ops.quote_name
    field: Any = get_user_model()._meta.pk
    with transaction.atomic():
        Session.objects.all()._raw_delete("default")
        value = field.get_db_prep_value(alice.pk, connection)
        sql(f"DELETE FROM {quote(field.model._meta.db_table)} WHERE {quote(field.column)} = %s", value)
    assert written() == [(str(alice.pk), 1, True)]
    assert refusal(issued.access) == "token_stale"


def test_what_django_does_by_itself_goes_on(alice: Any) -> None:
    pk = str(alice.pk)
    alice.set_password("looking-glass")
    alice.save()
    alice.delete()
    assert {row[0] for row in written()} == {pk}
