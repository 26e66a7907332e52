"""`drf_lanyard.testing`, the way a project's own tests use it."""

import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.signals import user_logged_in
from django.test import Client, TransactionTestCase, modify_settings, override_settings
from django.utils import timezone
from freezegun import freeze_time
from rest_framework.test import APITestCase, APITransactionTestCase

from drf_lanyard import revoke_session, revoke_user, signed_in
from drf_lanyard.core.errors import InvalidCredentials, UserInactive
from drf_lanyard.models import Session
from drf_lanyard.pytest_plugin import lanyard_client  # noqa: F401  # a project's pytest finds it by its entry point
from drf_lanyard.stores.clock import SystemClock
from drf_lanyard.testing import LanyardClient, LoginAs

from .people import user


class Both:
    """What holds inside `TestCase` and `TransactionTestCase` alike."""

    client_class: Any = LanyardClient
    client: Any

    def setUp(self):
        self.alice = user("alice")

    def test_signed_in_and_out(self):
        assert self.client.get("/protected/").status_code == 401
        issued = self.client.login_as(self.alice, device="a test")
        assert self.client.get("/protected/").json() == {"user": self.alice.pk}
        assert Session.objects.get(pk=issued.session.id).device == "a test"
        self.client.logout()
        assert self.client.get("/protected/").status_code == 401
        assert Session.objects.live().count() == 1

    def test_revoking_is_seen_at_once(self):
        issued = self.client.login_as(self.alice)
        other = LanyardClient()
        other.login_as(self.alice)
        revoke_session(issued.session.id)
        assert self.client.get("/protected/").json()["code"] == "token_revoked"
        assert other.get("/protected/").status_code == 200
        revoke_user(self.alice)
        assert other.get("/protected/").json()["code"] == "token_stale"

    def test_a_password_change_ends_it(self):
        self.client.login_as(self.alice)
        self.alice.set_password("looking-glass")
        self.alice.save()
        assert self.client.get("/protected/").status_code == 401
        self.client.login_as(self.alice)
        assert self.client.get("/protected/").status_code == 200


class InTestCase(Both, APITestCase):
    pass


class InTransactionTestCase(Both, APITransactionTestCase):
    pass


class DjangosClient(LoginAs, Client):
    pass


class WithDjangosClient(TransactionTestCase):
    client_class = DjangosClient
    client: DjangosClient

    def test_login_as(self):
        alice = user("alice")
        self.client.login_as(alice)
        assert self.client.get("/protected/").json() == {"user": alice.pk}
        self.client.send_token(None)
        assert self.client.get("/protected/").status_code == 401


@pytest.mark.django_db
def test_the_fixture(lanyard_client) -> None:  # noqa: F811
    alice = user("alice")
    lanyard_client.login_as(alice)
    assert lanyard_client.get("/protected/").json() == {"user": alice.pk}


@pytest.mark.django_db(transaction=True)
def test_it_works_in_autocommit(lanyard_client) -> None:  # noqa: F811
    alice = user("alice")
    issued = lanyard_client.login_as(alice)
    assert lanyard_client.get("/protected/").json() == {"user": alice.pk}
    revoke_session(issued.session.id)
    assert lanyard_client.get("/protected/").json()["code"] == "token_revoked"


@pytest.mark.django_db
def test_it_is_a_real_sign_in(lanyard_client) -> None:  # noqa: F811
    heard = []

    def listen(sender, request, user, **kwargs):
        heard.append((request.META["REMOTE_ADDR"], user.pk))

    alice = user("alice")
    for signal in (user_logged_in, signed_in):
        signal.connect(listen)
    try:
        lanyard_client.login_as(alice, method="social", transport="hybrid")
    finally:
        for signal in (user_logged_in, signed_in):
            signal.disconnect(listen)
    assert heard == [("127.0.0.1", alice.pk)] * 2
    alice.refresh_from_db()
    assert alice.last_login is not None and alice.last_login <= timezone.now()
    row = Session.objects.get()
    assert (row.method, row.transport, row.ip) == ("social", "hybrid", "127.0.0.1")


@pytest.mark.django_db
def test_the_clients_defaults_are_the_devices(lanyard_client) -> None:  # noqa: F811
    LanyardClient(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="curl/8").login_as(user("alice"))
    row = Session.objects.get()
    assert (row.ip, row.user_agent) == ("192.0.2.7", "curl/8")


@pytest.mark.django_db
def test_who_may_not_sign_in_may_not_here(lanyard_client) -> None:  # noqa: F811
    with pytest.raises(UserInactive):
        lanyard_client.login_as(user("mallory", is_active=False))
    alice = user("alice")
    alice.set_password("not saved")
    with pytest.raises(InvalidCredentials):
        lanyard_client.login_as(alice)
    assert lanyard_client.get("/protected/").status_code == 401


@pytest.mark.django_db
def test_one_client_can_be_several_users(lanyard_client) -> None:  # noqa: F811
    for name in ("alice", "bob"):
        someone = user(name)
        lanyard_client.login_as(someone)
        assert lanyard_client.get("/protected/").json() == {"user": someone.pk}
    lanyard_client.credentials()
    assert lanyard_client.get("/protected/").status_code == 401


@pytest.mark.django_db
@modify_settings(INSTALLED_APPS={"remove": ["django.contrib.sessions", "django.contrib.admin"]})
@override_settings(SESSION_ENGINE="no.such.engine", MIDDLEWARE=[])
def test_a_project_without_django_sessions(lanyard_client) -> None:  # noqa: F811
    lanyard_client.login_as(user("alice"))
    lanyard_client.logout()
    assert lanyard_client.get("/protected/").status_code == 401


@pytest.mark.django_db
def test_logout_also_ends_what_rest_frameworks_client_does(lanyard_client) -> None:  # noqa: F811
    alice = user("alice")
    lanyard_client.force_authenticate(alice)
    assert lanyard_client.get("/protected/").status_code == 200
    lanyard_client.logout()
    assert lanyard_client.get("/protected/").status_code == 401
    lanyard_client.force_login(alice)
    lanyard_client.logout()
    assert not lanyard_client.cookies


@pytest.mark.django_db
def test_tokens_expire_as_frozen_time_goes_on(lanyard_client) -> None:  # noqa: F811
    with freeze_time("2030-01-01 12:00:00") as clock:
        lanyard_client.login_as(user("alice"))
        clock.tick(299)
        assert lanyard_client.get("/protected/").status_code == 200
        clock.tick(10)
        assert lanyard_client.get("/protected/").json()["code"] == "token_expired"


@pytest.mark.django_db(transaction=True)
def test_frozen_time_in_autocommit(lanyard_client) -> None:  # noqa: F811
    """The reader must not wait by a clock that stands still: it would wait for ever."""
    with freeze_time("2030-01-01 12:00:00"):
        assert SystemClock().steady() < 1e9  # seconds since boot, not the frozen 2030
        issued = lanyard_client.login_as(user("alice"))
        assert lanyard_client.get("/protected/").status_code == 200
        revoke_session(issued.session.id)
        assert lanyard_client.get("/protected/").json()["code"] == "token_revoked"


def test_the_plugin_imports_no_django() -> None:
    code = "import drf_lanyard.pytest_plugin, sys; print(sorted(m for m in sys.modules if m.split('.')[0] == 'django'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
