"""Checks of what is around: the cache, the database, Django REST Framework."""

import sys
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage
from django.db import connections
from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..conf import get_settings, problems
from ..conf.throttle import NAMES
from ..cookies import KINDS
from ..stores.push import problem
from ..wiring import alias, in_test_environment
from .catalogue import message

TESTED_VENDORS = ("sqlite", "postgresql", "mysql")


def _default_authenticators() -> list[type[Any]]:
    from rest_framework.settings import api_settings

    try:
        listed: list[Any] = list(api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    except ImportError:  # DRF says it better at the first request
        return []
    return [one if isinstance(one, type) else type(one) for one in listed]  # instances work too


def check_authenticators(**kwargs: Any) -> list[CheckMessage]:
    """W006: DRF asks only the first authenticator for the challenge. Looked at where one of ours is in the list."""
    from rest_framework.authentication import BaseAuthentication

    classes = _default_authenticators()
    ours = any(base.__module__.startswith("drf_lanyard.") for cls in classes for base in cls.__mro__)
    if not ours or classes[0].authenticate_header is not BaseAuthentication.authenticate_header:
        return []
    text = f"{classes[0].__name__} comes first in DEFAULT_AUTHENTICATION_CLASSES and makes every 401 a 403."
    return [message("W006", text, "Put drf_lanyard.authentication.LanyardAuthentication first.", classes[0])]


def check_basic(**kwargs: Any) -> list[CheckMessage]:
    """W017, for production: asked for by name, here or in REST framework's own class."""
    from rest_framework.authentication import BasicAuthentication as FrameworkBasic

    from ..authentication import BasicAuthentication

    found = [cls for cls in _default_authenticators() if issubclass(cls, BasicAuthentication | FrameworkBasic)]
    hint = "Let scripts use API tokens; LanyardAuthentication takes one as a Basic password as well."
    return [message("W017", f"{cls.__name__} is in DEFAULT_AUTHENTICATION_CLASSES.", hint, cls) for cls in found]


def check_cache(**kwargs: Any) -> list[CheckMessage]:
    """W007: attempts are counted in the cache "default"."""
    if settings.DEBUG or in_test_environment() or problems():
        return []
    if all(getattr(get_settings().throttle, name) is None for name in NAMES):
        return []
    cache = caches["default"]
    if isinstance(cache, LocMemCache | DummyCache):
        text = f"Each process counts attempts for itself in {type(cache).__name__}, so a limit holds once per process."
    elif isinstance(cache, DatabaseCache | FileBasedCache):
        text = f"{type(cache).__name__} cannot add in one step, so attempts at the same moment are counted as one."
    else:
        return []
    return [message("W007", text, "Use Redis, Valkey or Memcached as the default cache, or LANYARD THROTTLE None.")]


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """W009 and W010. Nothing is connected to."""
    connection = connections[alias()]
    if connection.vendor not in TESTED_VENDORS:
        text = f"drf-lanyard is not tested on {connection.display_name}."
        hint = (
            "It reads its log in commit order, which rests on how a database locks: use PostgreSQL, MariaDB or SQLite."
        )
        return [message("W009", text, hint)]
    in_memory = getattr(connection, "is_in_memory_db", None)  # SQLite's alone
    if in_memory is not None and in_memory() and not in_test_environment():
        hint = "Give the database a file, so that every process sees one revocation log."
        return [message("W010", "The database of drf-lanyard is in memory.", hint)]
    return []


def check_django_sessions(**kwargs: Any) -> list[CheckMessage]:
    """W016: our authenticators refuse a revoked one all the same, but Django's own views, such as the admin, do not."""
    from ..django_sessions import in_cookies

    if problems() or "session" not in get_settings().transports or not in_cookies():
        return []
    text = "A revoked Django session in a signed cookie is still good for Django's own views."
    hint = 'Use a SESSION_ENGINE that stores sessions, or leave "session" out of LANYARD TRANSPORTS.'
    return [message("W016", text, hint, "SESSION_ENGINE")]


def check_error_reports(**kwargs: Any) -> list[CheckMessage]:
    """W019. Only a filter that the project chose can be meant: the one that Django has by default is replaced."""
    if problems():
        return []
    request = HttpRequest()
    request.COOKIES = {f"__Host-{get_settings().cookie.name}-{kind}": "shown" for kind in KINDS}
    try:
        cookies = import_string(settings.DEFAULT_EXCEPTION_REPORTER_FILTER)().get_safe_cookies(request)
    except (ImportError, AttributeError):  # no filter at all: Django says it better at the first report
        return []
    if "shown" not in cookies.values():
        return []
    text = "Error reports show the access and refresh tokens that are in cookies."
    hint = "Let DEFAULT_EXCEPTION_REPORTER_FILTER inherit from drf_lanyard.error_reports.ExceptionReporterFilter."
    return [message("W019", text, hint, "DEFAULT_EXCEPTION_REPORTER_FILTER")]


def check_push(**kwargs: Any) -> list[CheckMessage]:
    """E005. Nothing is connected to: a server that is down now is no mistake in the settings."""
    if problems() or (url := get_settings().push_url) is None or (wrong := problem(url, alias())) is None:
        return []
    hint = 'Write a URL of Redis or Valkey, on PostgreSQL "postgres" or a URL of it, or None.'
    return [message("E005", f"LANYARD: PUSH_URL {wrong}", hint, "PUSH_URL")]


def check_gevent(**kwargs: Any) -> list[CheckMessage]:
    """W018: a request that waits for a lock, and the reader that waits for a server, let nobody else run meanwhile."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("socket"):
        return []
    driver = getattr(connections[alias()], "Database", None)
    if getattr(driver, "__name__", "") != "MySQLdb":
        return []
    hint = "Use workers with threads (gthread), or a driver written in Python, whose sockets gevent replaces (PyMySQL)."
    return [message("W018", "Under gevent, mysqlclient blocks every request while one waits.", hint)]
