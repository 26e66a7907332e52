"""`PUSH_URL` chooses what pushes, and says what cannot work before anything is connected to."""

from typing import Any

import pytest
from django.test import override_settings

from drf_lanyard.core.errors import ConfigurationError
from drf_lanyard.stores import push
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.stores.push import make_push, problem
from drf_lanyard.stores.push_postgres import PostgresPush
from drf_lanyard.stores.push_redis import RedisPush
from drf_lanyard.wiring import _get

KEYS = (bytes(32),)
FINE = [
    "redis://127.0.0.1",
    "redis://user:p%40ss@redis.example:6380/3?protocol=3&socket_timeout=1",
    "rediss://redis.example?ssl_cert_reqs=required",
    "unix:///run/redis.sock?db=1",
]
FINE_ON_POSTGRESQL = ["postgres", "postgres://u:p@db.example/shop", "postgresql://db.example:6432/shop?sslmode=require"]
MANGLED = [
    "redis://:hunter2@h?no_such=1",
    "unix:///s?socket_keepalive=1",
    "redis://:hunter2@127.0.0.1:port",
    "redis://:hunter2@h?socket_timeout=soon",
    "redis://[hunter2",
]
MANGLED_POSTGRESQL = ["postgres://u:hunter2@h/x?no_such=1", "postgresql://[hunter2"]


class Fake:
    def __init__(self, vendor: str) -> None:
        self.vendor = vendor


@pytest.fixture
def vendor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(push, "connections", {"default": Fake(request.param)})
    return str(request.param)


def made(url: str | None) -> Any:
    found = make_push(url, KEYS, "default", SystemClock())
    if found is not None:
        found.close()
    return found


@pytest.mark.parametrize(("vendor", "url"), [("sqlite", one) for one in FINE], indirect=["vendor"])
def test_redis_goes_with_every_database(vendor: str, url: str) -> None:
    assert problem(url, "default") is None
    assert isinstance(made(url), RedisPush)


@pytest.mark.parametrize(("vendor", "url"), [("postgresql", one) for one in FINE_ON_POSTGRESQL], indirect=["vendor"])
def test_notify_goes_with_postgresql(vendor: str, url: str) -> None:
    assert problem(url, "default") is None
    assert isinstance(made(url), PostgresPush)


@pytest.mark.parametrize("vendor", ["mysql", "sqlite"], indirect=True)
@pytest.mark.parametrize("url", FINE_ON_POSTGRESQL)
def test_notify_goes_with_nothing_else(vendor: str, url: str) -> None:
    """A notification is part of the transaction that revokes."""
    with pytest.raises(ConfigurationError, match="PUSH_URL is for projects on PostgreSQL"):
        made(url)


@pytest.mark.parametrize("vendor", ["postgresql"], indirect=True)
@pytest.mark.parametrize("url", MANGLED + MANGLED_POSTGRESQL)
def test_a_mangled_url_is_not_quoted(vendor: str, url: str) -> None:
    with pytest.raises(ConfigurationError, match="PUSH_URL is not a URL") as caught:
        made(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("vendor", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("url", "package"), [("redis://h", "redis"), ("postgres", "psycopg")])
def test_a_package_that_is_not_installed(vendor: str, url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match=f"needs the package {package}"):
        made(url)


def test_none_is_none() -> None:
    assert made(None) is None


def test_there_is_no_push_in_a_test_environment() -> None:
    """A test revokes all day long; nobody outside may hear of it."""
    with override_settings(LANYARD={"PUSH_URL": "redis://127.0.0.1:1"}):
        assert _get().push is None
