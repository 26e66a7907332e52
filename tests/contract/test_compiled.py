"""Statements that are compiled once do what Django's own would, for one value after another."""

import gc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DataError, OperationalError, connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Value
from django.db.models.options import Options
from django.test.utils import CaptureQueriesContext

from drf_lanyard.models import Session
from drf_lanyard.stores.compiled import CompiledGet, CompiledUpdate

from .stores import InDatabase
from .test_sessions import open_session

pytestmark = pytest.mark.django_db(transaction=True)


#: A key, text, floats, and what is often null; a date and a boolean, which some databases convert; another table; an
#: expression.
COLUMNS = (
    "id",
    "secret",
    "created_at",
    "revoked_at",
    "user__username",
    "user__last_login",
    "user__is_active",
    "_now",
    "_epoch",
)


def sessions() -> Any:
    epoch = F("user__lanyard_epoch__epoch")
    rows = Session.objects.using("default").annotate(_epoch=epoch, _now=Value(1.5, models.FloatField()))
    return rows.values_list(*COLUMNS)


def update() -> CompiledUpdate:
    return CompiledUpdate(Session, "default", values=["counter", "ip"], expected=["id", "secret"], null="revoked_at")


@pytest.fixture
def ids(orm: InDatabase) -> list[UUID]:
    return [open_session(orm, orm.make_user(), id=uuid4()).id for _ in range(3)]


def test_the_rows_are_those_of_the_query(ids: list[UUID]) -> None:
    Session.objects.get(pk=ids[1]).user.__class__.objects.update(last_login=datetime(2030, 1, 31, tzinfo=UTC))
    compiled = CompiledGet(sessions())
    for session_id in [*ids, ids[0]]:
        expected, found = sessions().get(pk=session_id), compiled.get(session_id)
        assert found is not None
        assert tuple(found) == expected
        assert [type(value) for value in found] == [type(value) for value in expected]
    assert compiled.get(uuid4()) is None


def test_the_statement_is_django_s_and_is_logged(ids: list[UUID]) -> None:
    compiled = CompiledGet(sessions())
    compiled.get(ids[0])
    with CaptureQueriesContext(connection) as log:
        list(sessions().filter(pk=ids[1]))
        compiled.get(ids[1])
    assert len(log) == 2 and log[0]["sql"] == log[1]["sql"]


def test_no_connection_is_kept_for_other_threads(ids: list[UUID]) -> None:
    compiled = CompiledGet(sessions())
    compiled.get(ids[0])
    gc.collect()
    seen: set[int] = set()
    reached: list[Any] = list(compiled._by_vendor.values())
    while reached:
        one = reached.pop()
        assert not isinstance(one, BaseDatabaseWrapper)
        for other in gc.get_referents(one):
            if id(other) not in seen and not isinstance(other, type | ModuleType | FunctionType | Options):
                seen.add(id(other))
                reached.append(other)


def test_threads_get_their_own_rows(ids: list[UUID]) -> None:
    compiled, together = CompiledGet(sessions()), Barrier(len(ids))

    def read(session_id: UUID) -> set[UUID | None]:
        together.wait(30)
        try:
            return {(compiled.get(session_id) or [None])[0] for _ in range(20)}
        finally:
            connection.close()

    with ThreadPoolExecutor(len(ids)) as pool:
        assert list(pool.map(read, ids)) == [{session_id} for session_id in ids]


def test_an_update_writes_one_row_and_only_if_it_matches(ids: list[UUID]) -> None:
    statement = update()
    matching = {"id": ids[0], "secret": "s" * 43}

    assert statement.update({"counter": 7, "ip": "192.0.2.7"}, {**matching, "secret": "other"}) == 0
    assert statement.update({"counter": 7, "ip": "192.0.2.7"}, matching) == 1
    assert Session.objects.filter(counter=7, ip="192.0.2.7").get().pk == ids[0]

    Session.objects.filter(pk=ids[0]).update(revoked_at=1.0)
    assert statement.update({"counter": 8, "ip": ""}, matching) == 0


def test_a_failed_update_spoils_the_transaction_it_is_in(ids: list[UUID]) -> None:
    def refuse(*args: Any) -> None:
        raise OperationalError("refused")

    with pytest.raises(OperationalError), transaction.atomic():
        with pytest.raises(OperationalError), connection.execute_wrapper(refuse):
            update().update({"counter": 7, "ip": ""}, {"id": ids[0], "secret": "s" * 43})
        assert connection.needs_rollback
        raise OperationalError("the end")


@pytest.mark.databases("postgres")
def test_errors_are_django_s(ids: list[UUID]) -> None:
    with pytest.raises(DataError):
        update().update({"counter": 7, "ip": "x" * 46}, {"id": ids[0], "secret": "s" * 43})
