"""The database's clock is the same moment whatever time zone anybody has set, also in the hour that comes twice."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from drf_lanyard.models import Session
from drf_lanyard.stores.dialect import NOW, DatabaseNow

from .kit import a_user, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
#: Seconds: server and tests are on one machine.
CLOSE = 5.0
ZONES = {"postgres": ("Asia/Kolkata", "America/St_Johns"), "mariadb": ("+05:30", "-03:30")}


def database_now() -> float:
    user = get_user_model().objects.annotate(now=DatabaseNow()).first()
    return float(user.now)  # type: ignore[union-attr]


@pytest.fixture(autouse=True)
def somebody() -> Any:
    return a_user()


@pytest.fixture
def session_zone() -> Iterator[Any]:
    def set_zone(zone: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE %s" if connection.vendor == "postgresql" else "SET time_zone = %s", [zone])

    yield set_zone
    connection.close()


def test_it_is_unix_time() -> None:
    assert abs(database_now() - time.time()) < CLOSE


@pytest.mark.databases("postgres", "mariadb")
@pytest.mark.parametrize("which", [0, 1])
def test_whatever_the_time_zone_of_the_connection(which: int, database: Any, session_zone: Any) -> None:
    session_zone(ZONES[database.name][which])
    assert abs(database_now() - time.time()) < CLOSE


@pytest.mark.parametrize("use_tz", [True, False])
def test_whatever_the_project_has_set(settings: Any, use_tz: bool, somebody: Any) -> None:
    connection.close()
    settings.USE_TZ, settings.TIME_ZONE = use_tz, "America/New_York"
    try:
        issued = signed_in(somebody)
        created = Session.objects.get().when("created_at")
        assert abs(database_now() - time.time()) < CLOSE
        assert created is not None and created.tzinfo is UTC
        assert abs((created - datetime.now(UTC)).total_seconds()) < CLOSE
        assert 0 < issued.refresh_expires_in <= 14 * 86400
    finally:
        connection.close()


@pytest.mark.databases("mariadb")
def test_the_hour_that_comes_twice_comes_once(session_zone: Any) -> None:
    """MariaDB's clock can be set for one connection. Berlin has 02:30 twice that night."""
    # 2026-10-25, 00:30, 01:30 and 02:30 in UTC.
    moments = [1_792_888_200, 1_792_891_800, 1_792_895_400]
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'Europe/Berlin') IS NOT NULL")
        named = cursor.fetchone()[0]
        cursor.execute("SET time_zone = %s", ["Europe/Berlin" if named else "SYSTEM"])
        seen = []
        for moment in moments:
            cursor.execute("SET timestamp = %s", [moment])
            cursor.execute(f"SELECT {NOW['mysql']}")
            seen.append(float(cursor.fetchone()[0]))
        cursor.execute("SET timestamp = DEFAULT")
    assert seen == moments


def test_it_does_not_stand_still_in_a_transaction() -> None:
    """PostgreSQL's now() does."""
    if connection.vendor == "sqlite":
        pause = "SELECT 1"  # it has no sleep; its clock has a resolution of about a millisecond
    else:
        pause = "SELECT pg_sleep(0.01)" if connection.vendor == "postgresql" else "SELECT SLEEP(0.01)"
    with transaction.atomic(), connection.cursor() as cursor:
        before = database_now()
        cursor.execute(pause)
        deadline = time.monotonic() + 5
        while database_now() <= before:
            assert time.monotonic() < deadline
