"""System checks: each fires when it should and is silent when it should be."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import override_settings
from django.test.utils import _TestState

import drf_lanyard.checks as lanyard_checks
from drf_lanyard.authentication import LanyardAuthentication
from drf_lanyard.checks import CATALOGUE, inspect_claims, looks_secret
from drf_lanyard.checks.catalogue import message
from drf_lanyard.checks.claims import MAX_CLAIMS_BYTES
from drf_lanyard.error_reports import ExceptionReporterFilter

OURS = "drf_lanyard.authentication.LanyardAuthentication"
DRF_SESSION = "rest_framework.authentication.SessionAuthentication"
DRF_BASIC = "rest_framework.authentication.BasicAuthentication"
LOCMEM = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DUMMY = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
FILE = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/nonexistent"}}
TABLE = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}
REDIS = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}}
SECRET = "a secret with more than thirty-two bytes in it"


def ids(*, databases: list[str] | None = None, **settings: object) -> list[str]:
    """Which of our checks fire; each is checked to have a hint and an id of the catalogue on the way."""
    with override_settings(**settings):
        found = checks.run_checks(databases=databases)
    ours = [one for one in found if (one.id or "").startswith("lanyard.")]
    assert all(one.hint and one.id in CATALOGUE for one in ours)
    assert all(isinstance(one, checks.Error) == one.id.startswith("lanyard.E") for one in ours if one.id)
    return sorted(str(one.id).removeprefix("lanyard.") for one in ours)


def lanyard(**settings: object) -> list[str]:
    return ids(LANYARD=settings)


@pytest.fixture
def production(monkeypatch) -> None:
    """Outside Django's test environment, as `manage.py migrate` on a server is."""
    monkeypatch.delattr(_TestState, "saved_data")


def test_every_id_is_used_in_one_place_and_written_in_the_catalogue() -> None:
    sources = Path(lanyard_checks.__file__).parent.glob("*.py")
    used = {found for source in sources for found in re.findall(r'"([EW]\d{3})"', source.read_text())}
    assert {f"lanyard.{number}" for number in used} == set(CATALOGUE)
    assert len(set(CATALOGUE.values())) == len(CATALOGUE)
    with pytest.raises(KeyError):
        message("E999", "?", "?")


def test_silent_on_a_sound_project() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("ACCES_TOKEN_LIFETIME", 300, "E001"),
        ("BLACKLIST_AFTER_ROTATION", True, "E001"),
        ("ACCESS_TOKEN_LIFETIME", "5 minutes", "E002"),
        ("REFRESH_TOKEN_LIFETIME", 60, "E002"),
        ("SIGNING_KEYS", [{"algorithm": "HS256", "key": "short"}], "E003"),
        ("SIGNING_KEYS", [{"algorithm": "RS256", "key": SECRET}], "E003"),
        ("CLAIMS", "shop.tokens.claims", "E004"),
        ("USER_SERIALIZER", "shop.serializers.UserSerializer", "E004"),
        ("LEASE", 10.5, "W002"),
        ("ACCESS_TOKEN_LIFETIME", 3601, "W003"),
        ("REFRESH_GRACE", 61, "W004"),
        ("LEEWAY", 61, "W005"),
    ],
)
def test_settings(key, value, expected) -> None:
    assert lanyard(**{key: value}) == [expected]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("LEASE", 10),
        ("ACCESS_TOKEN_LIFETIME", 3600),
        ("REFRESH_GRACE", 60),
        ("LEEWAY", 60),
        ("SIGNING_KEYS", [{"algorithm": "HS256", "key": SECRET}]),
        ("CLAIMS", "tests.edge.test_conf.claims"),
    ],
)
def test_settings_at_the_edge_of_what_is_good(key, value) -> None:
    assert lanyard(**{key: value}) == []


def test_the_hint_names_the_nearest_setting() -> None:
    with override_settings(LANYARD={"LEESE": 1}):
        (found,) = [one for one in checks.run_checks() if one.id == "lanyard.E001"]
    assert found.hint == "Did you mean 'LEASE'?"


def test_manage_py_stops_at_an_error() -> None:
    with override_settings(LANYARD={"LEESE": 1}), pytest.raises(SystemCheckError, match=r"lanyard\.E001"):
        call_command("check")


@pytest.mark.parametrize(
    ("key", "expected"), [("test", ["W001"]), ("x" * 60, ["W001"]), (SECRET, []), (SECRET.encode(), [])]
)
def test_secret_key(key, expected) -> None:
    assert ids(SECRET_KEY=key) == expected


def test_user_model(monkeypatch) -> None:
    class NotAUser:
        is_active = True
        _meta = get_user_model()._meta

    monkeypatch.setattr("drf_lanyard.checks.policy.get_user_model", lambda: NotAUser)
    assert ids() == ["W015"]


# REST framework


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([OURS], []),
        ([OURS, DRF_SESSION], []),
        ([DRF_SESSION, OURS], ["W006"]),
        ([DRF_BASIC, OURS], []),
        ([DRF_SESSION], []),  # ours may be used per view
        ([], []),
        (["no.such.Authentication", OURS], []),
    ],
)
def test_the_first_authenticator_answers_for_all(classes, expected) -> None:
    assert ids(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": classes}) == expected


instance = LanyardAuthentication(keyword="JWT")


def test_authenticators_may_be_instances() -> None:
    path = f"{__name__}.instance"
    assert ids(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [DRF_SESSION, path]}) == ["W006"]
    assert ids(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [path, DRF_SESSION]}) == []


def test_basic_is_for_development() -> None:
    from django.core.checks import run_checks
    from django.test import override_settings

    def found(*classes: str, deploy: bool) -> list[str | None]:
        with override_settings(REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": list(classes)}):
            return [one.id for one in run_checks(include_deployment_checks=deploy) if one.id == "lanyard.W017"]

    ours = "drf_lanyard.authentication.BasicAuthentication"
    assert found(OURS, ours, deploy=True) == found(OURS, DRF_BASIC, deploy=True) == ["lanyard.W017"]
    assert found(OURS, deploy=True) == found(OURS, ours, deploy=False) == []


class ShowsTheme(ExceptionReporterFilter):
    pass


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, []),
        ("django.views.debug.SafeExceptionReporterFilter", ["lanyard.W019"]),
        (f"{__name__}.ShowsTheme", []),
        ("no.such.Filter", []),
    ],
)
def test_error_reports_hide_our_cookies(chosen, expected) -> None:
    with override_settings(**({"DEFAULT_EXCEPTION_REPORTER_FILTER": chosen} if chosen else {})):
        found = checks.run_checks(include_deployment_checks=True)
    assert [one.id for one in found if one.id == "lanyard.W019"] == expected


# Cache and database: the test database of a test without one is in memory, so W010 comes along in production


@pytest.mark.parametrize(
    ("caches", "expected"),
    [(LOCMEM, True), (DUMMY, True), (FILE, True), (TABLE, True), (REDIS, False)],
)
def test_caches_that_cannot_count(production, caches, expected) -> None:
    assert ("W007" in ids(CACHES=caches)) is expected


def test_caches_are_not_looked_at_in_development_or_without_limits(production) -> None:
    assert "W007" not in ids(CACHES=LOCMEM, DEBUG=True)
    assert "W007" not in ids(CACHES=LOCMEM, LANYARD={"THROTTLE": None})


def test_caches_are_not_looked_at_in_tests() -> None:
    assert ids(CACHES=LOCMEM) == []


def test_a_database_in_memory(production, monkeypatch) -> None:
    monkeypatch.setattr("drf_lanyard.checks.environment.alias", lambda: "default")
    monkeypatch.setattr("drf_lanyard.checks.environment.connections", {"default": Fake("sqlite", in_memory=True)})
    assert ids(CACHES=REDIS) == ["W010"]
    monkeypatch.setattr("drf_lanyard.checks.environment.connections", {"default": Fake("sqlite", in_memory=False)})
    assert ids(CACHES=REDIS) == []


@pytest.mark.parametrize(
    ("vendor", "expected"),
    [("oracle", ["W009"]), ("microsoft", ["W009"]), ("postgresql", []), ("mysql", []), ("sqlite", [])],
)
def test_untested_databases(monkeypatch, vendor, expected) -> None:
    monkeypatch.setattr("drf_lanyard.checks.environment.connections", {"default": Fake(vendor, in_memory=True)})
    assert ids() == expected


class Fake:
    """A connection that is never opened."""

    display_name = "Fake"

    def __init__(self, vendor: str, *, in_memory: bool) -> None:
        self.vendor = vendor
        if vendor == "sqlite":
            self.is_in_memory_db = lambda: in_memory


@pytest.mark.parametrize(
    ("vendor", "url", "expected"),
    [
        ("sqlite", None, []),
        ("sqlite", "redis://127.0.0.1:1", []),  # it need not be there
        ("sqlite", "redis://:hunter2@127.0.0.1:port", ["E005"]),
        ("sqlite", "postgres", ["E005"]),
        ("mysql", "postgresql://u:hunter2@db.example/shop", ["E005"]),
        ("postgresql", "postgres", []),
        ("postgresql", "postgresql://u:hunter2@db.example/shop", []),
        ("sqlite", "nats://127.0.0.1", ["E002"]),  # and nothing else
    ],
)
def test_push_that_cannot_work(monkeypatch, vendor, url, expected) -> None:
    monkeypatch.setattr("drf_lanyard.stores.push.connections", {"default": Fake(vendor, in_memory=False)})
    assert lanyard(PUSH_URL=url) == expected
    with override_settings(LANYARD={"PUSH_URL": url}):
        assert "hunter2" not in str([(one.msg, one.hint) for one in checks.run_checks()])


@pytest.mark.parametrize(
    ("driver", "patched", "expected"),
    [("MySQLdb", True, ["W018"]), ("MySQLdb", False, []), ("pymysql", True, []), ("psycopg", True, [])],
)
def test_gevent_and_a_driver_that_blocks_it(monkeypatch, driver, patched, expected) -> None:
    monkey, database = ModuleType("gevent.monkey"), Fake("mysql", in_memory=False)
    monkeypatch.setattr(monkey, "is_module_patched", lambda name: patched and name == "socket", raising=False)
    monkeypatch.setattr(database, "Database", ModuleType(driver), raising=False)
    monkeypatch.setattr("drf_lanyard.checks.environment.connections", {"default": database})
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    assert ids() == expected
    monkeypatch.delitem(sys.modules, "gevent.monkey")
    assert ids() == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example/{uid}/{token}", ["W008"]),
        ("https://a.example/{uid}/{token}", []),
        ("http://localhost:3000/{uid}/{token}", []),
        ("shop://reset/{uid}/{token}", []),
    ],
)
def test_reset_links_without_tls(url, expected) -> None:
    assert lanyard(PASSWORD_RESET_URL=url) == expected
    assert ids(LANYARD={"PASSWORD_RESET_URL": url}, DEBUG=True) == []


@pytest.mark.parametrize(
    "sign",
    [
        {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
        {"USE_X_FORWARDED_HOST": True},
        {"USE_X_FORWARDED_PORT": True},
    ],
)
def test_a_proxy_that_is_not_counted(sign) -> None:
    assert ids(**sign) == ["W011"]
    assert ids(**sign, LANYARD={"NUM_PROXIES": 1}) == []


# Claims


@pytest.mark.parametrize(
    ("claims", "secret"),
    [
        ({"password": "x"}, ["password"]),
        ({"user": {"api_key": "x"}}, ["user.api_key"]),
        ({"links": [{"reset_token": "x"}]}, ["links.reset_token"]),
        ({"hash": "x"}, ["hash"]),
        ({"note": "pbkdf2_sha256$870000$salt$hash"}, ["note"]),
        ({"note": "$2b$12$abcdefghijklmnopqrstuv"}, ["note"]),
        ({"client_secret_hint": 1}, ["client_secret_hint"]),
        ({"roles": ["editor"], "tenant": 5, "monkey": "x", "keyboard": "de", "tokens_left": 5, "ok": None}, []),
        ({"roles": ["password"]}, []),
    ],
)
def test_what_looks_like_a_secret(claims, secret) -> None:
    assert looks_secret(claims) == secret


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"roles": ["editor"]}, []),
        ({}, []),
        ({"api_key": "x"}, ["W012"]),
        ({"bio": "x" * (MAX_CLAIMS_BYTES - len('{"bio":""}'))}, []),
        ({"bio": "x" * (MAX_CLAIMS_BYTES - len('{"bio":""}') + 1)}, ["W013"]),
        ({"sub": "x"}, ["W014"]),
        ({"when": {1, 2}}, ["W014"]),
        ({"ratio": float("nan")}, ["W014"]),
        (None, ["W014"]),
        ("roles", ["W014"]),
    ],
)
def test_inspecting_claims(claims, expected) -> None:
    found = inspect_claims(claims)
    assert [one.id for one in found] == [f"lanyard.{number}" for number in expected]
    assert all(one.hint for one in found)


def test_every_reading_of_a_secret_is_kept_out_of_the_message() -> None:
    (found,) = inspect_claims({"password": "hunter2"})
    assert "hunter2" not in str(found)


def leak(user, session):
    return {"password": user.password, "session": str(session.id)}


def fail(user, session):
    raise LookupError(user.password)


def query(user, session):
    with connection.cursor() as cursor:
        cursor.execute("SELECT missing FROM nowhere")
    return {}


def harmless(user, session):
    return {"roles": [group.name for group in user.groups.all()]}


@pytest.mark.django_db
class TestClaimsOfARealUser:
    def check(self, claims: object, databases: list[str] | None) -> list[str]:
        return ids(LANYARD={"CLAIMS": claims}, databases=databases)

    def test_only_asked_for_with_a_database(self) -> None:
        get_user_model().objects.create_user("alice")
        assert self.check(leak, None) == []
        assert self.check(leak, ["default"]) == ["W012"]
        assert self.check(None, ["default"]) == []

    def test_without_users_there_is_nothing_to_see(self) -> None:
        assert self.check(leak, ["default"]) == []

    def test_harmless(self) -> None:
        get_user_model().objects.create_user("alice")
        assert self.check(harmless, ["default"]) == []

    def test_failing(self) -> None:
        get_user_model().objects.create_user("alice")
        assert self.check(fail, ["default"]) == ["W014"]

    def test_a_query_that_fails_leaves_the_transaction_usable(self) -> None:
        """`migrate` runs this check before the tables are there."""
        get_user_model().objects.create_user("alice")
        assert self.check(query, ["default"]) == []
        assert get_user_model().objects.count() == 1
