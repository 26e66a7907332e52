"""The reader's connection is nobody else's: no request's transaction, pool, log or failure touches it."""

import ssl
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from drf_lanyard import revoke_user, wiring
from drf_lanyard.core.errors import TokenStale
from drf_lanyard.models import Session
from drf_lanyard.stores.private import _open_like
from drf_lanyard.wiring import get_lanyard

from ..databases import TestDatabase
from .kit import Actor, a_user, actors, append, eventually, positions, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = 0.1


@pytest.fixture(autouse=True)
def short_lease(settings: Any) -> None:
    settings.LANYARD = {"LEASE": LEASE}


def is_stale(token: str) -> bool:
    try:
        get_lanyard().authenticate(token)
    except TokenStale:
        return True
    return False


@pytest.mark.databases("postgres", "mariadb")
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_request_in_an_old_transaction_sees_a_new_revocation(level: str) -> None:
    """Its transaction is blind to it; its next check after the lease is not."""
    user = a_user()
    token = signed_in(user).access

    def isolate() -> None:
        with connection.cursor() as cursor:
            scope = "SESSION CHARACTERISTICS AS" if connection.vendor == "postgresql" else "SESSION"
            cursor.execute(f"SET {scope} TRANSACTION ISOLATION LEVEL {level}")

    with actors(1) as (request,):
        request.do(isolate)
        request.begin()
        # Only reads, of a table that the revocation leaves alone: at this level MariaDB locks what is read.
        assert request.do(lambda: get_user_names()) == ["alice"]
        assert not request.do(lambda: is_stale(token))
        revoke_user(user, wait=True)
        assert request.do(lambda: is_stale(token))
        if level == "REPEATABLE READ" or connection.vendor == "postgresql":
            assert request.do(lambda: Session.objects.filter(revoked_at=None).count()) == 1, (
                "the transaction is not old"
            )


def get_user_names() -> list[str]:
    from django.contrib.auth import get_user_model

    return list(get_user_model().objects.values_list("username", flat=True))


@pytest.mark.databases("postgres")
def test_a_broken_transaction_does_not_hurt() -> None:
    """After an error PostgreSQL refuses every further statement of the transaction."""
    user = a_user()
    token = signed_in(user).access
    with pytest.raises(IntegrityError), transaction.atomic():
        with pytest.raises(IntegrityError), connection.cursor() as cursor:
            cursor.execute("INSERT INTO auth_user SELECT * FROM auth_user")
        get_lanyard().authenticate(token)
        raise IntegrityError
    assert not is_stale(token)


def test_a_check_in_a_transaction_with_writes_neither_waits_nor_numbers_in_it(database: TestDatabase) -> None:
    """On SQLite it is the one writer: positions have to wait for its end, requests do not."""
    user = a_user()
    token = signed_in(user).access
    append()
    with transaction.atomic():
        a_user("bob")
        assert not is_stale(token)
        transaction.set_rollback(True)
    eventually(lambda: not is_stale(token) and positions() == [1])


def test_its_statements_are_nobodys(settings: Any, django_assert_num_queries: Any) -> None:
    settings.DEBUG = True
    user = a_user()
    client = APIClient(headers={"Authorization": f"Bearer {signed_in(user).access}"})
    with CaptureQueriesContext(connection) as captured, django_assert_num_queries(0):
        assert client.get("/protected/").status_code == 200
        wrapper = eventually(lambda: get_lanyard().reader._reader.log._private._wrapper)  # type: ignore[attr-defined]
    assert captured.captured_queries == []
    assert not [query for query in wrapper.queries_log if "lanyard" in query["sql"]]  # Django's own, when it connects
    assert wrapper not in connections.all()


def test_an_authenticated_request_needs_no_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of tests, that is."""
    monkeypatch.setattr(wiring, "in_test_environment", lambda: False)
    user = a_user()
    client = APIClient(headers={"Authorization": f"Bearer {signed_in(user).access}"})
    assert client.get("/protected/").status_code == 200
    actor = Actor()
    try:
        assert actor.do(lambda: client.get("/protected/").status_code) == 200
        assert actor.do(lambda: connection.connection) is None
    finally:
        actor.close()


def test_what_it_opens_is_like_the_projects_without_pool_and_transactions(database: TestDatabase) -> None:
    before = connection.settings_dict
    context = ssl.create_default_context()  # it cannot be copied
    options = {**before["OPTIONS"], "pool": True, "ssl": context}
    changed = {**before, "ATOMIC_REQUESTS": True, "AUTOCOMMIT": False, "OPTIONS": options}
    connection.settings_dict = changed
    try:
        wrapper = _open_like("default", 2.0)
    finally:
        connection.settings_dict = before
    assert "pool" not in wrapper.settings_dict["OPTIONS"]
    assert wrapper.settings_dict["OPTIONS"]["ssl"] is context
    assert (wrapper.settings_dict["ATOMIC_REQUESTS"], wrapper.settings_dict["AUTOCOMMIT"]) == (False, True)
    assert changed["OPTIONS"]["pool"] is True  # the project's own are left alone
    names = ("ENGINE", "NAME", "USER", "HOST", "PORT")
    assert [wrapper.settings_dict[name] for name in names] == [before[name] for name in names]


def test_the_service_lets_go_of_its_connection_when_it_is_dropped() -> None:
    """An open one makes DROP DATABASE fail."""
    user = a_user()
    assert not is_stale(signed_in(user).access)
    log = get_lanyard().reader._reader.log  # type: ignore[attr-defined]
    assert log._private.is_open()
    wiring.reset()
    eventually(lambda: not log._private.is_open())
