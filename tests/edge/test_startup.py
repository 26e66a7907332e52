"""What starting a project imports because the library is installed: counted, not timed."""

import json
import subprocess
import sys

import pytest
from django.core.signals import setting_changed

from drf_lanyard import wiring
from drf_lanyard.conf import RELOADED_BY

#: Beyond this nothing is configured: Django's defaults, SQLite, a key derived from SECRET_KEY.
START = """
import json, sys
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="a key for tests only: long enough for every HMAC that is derived from it",
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")]
    + ["rest_framework", "drf_lanyard"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
"""
USE = "from drf_lanyard.wiring import get_lanyard; get_lanyard()\n"
TELL = "print(json.dumps(sorted(sys.modules)))"

#: What costs much or belongs to an extra, and REST framework's views, which need the settings of the project.
NEEDLESS = ("cryptography", "redis", "psycopg", "httpx", "prometheus_client", "rest_framework.views")


def imported(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.mark.parametrize("code", [START, START + USE], ids=["started", "in use"])
def test_a_key_derived_from_the_secret_key_imports_nothing_that_it_does_not_need(code) -> None:
    modules = imported(code + TELL)
    assert "drf_lanyard.core.keys" in modules
    needless = tuple(f"{name}." for name in NEEDLESS)
    assert [name for name in modules if f"{name}.".startswith(needless)] == []


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize("setting", sorted(RELOADED_BY))
def test_a_change_of_these_settings_builds_the_service_anew(setting: str) -> None:
    before = wiring.get_services()
    setting_changed.send(sender=None, setting=setting, value=None, enter=True)
    assert wiring.get_services() is not before
