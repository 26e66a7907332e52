"""The admin, the commands and the test client under other user models."""

import io
import re

import pytest
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse

from drf_lanyard.models import Session
from drf_lanyard.testing import LanyardClient

from .users import create_user, sign_in_name

pytestmark = pytest.mark.django_db


def everyone():
    return get_user_model()._base_manager.all()


def test_the_test_client_signs_in() -> None:
    alice = create_user("alice")
    client = LanyardClient()
    issued = client.login_as(alice)
    assert client.get("/protected/").json() == {"user": str(alice.pk) if not isinstance(alice.pk, int) else alice.pk}
    assert issued.session.subject == str(alice.pk)


@pytest.mark.parametrize("is_active", [True, False])
def test_revoking_by_the_name_that_users_sign_in_with(is_active) -> None:
    alice = create_user("alice")
    client = LanyardClient()
    client.login_as(alice)
    everyone().filter(pk=alice.pk).update(is_active=is_active)  # a manager may hide her from now on
    out = io.StringIO()
    call_command("lanyard_revoke", "--user", sign_in_name("alice"), stdout=out)
    assert "1 live sessions ended" in out.getvalue()
    assert client.get("/protected/").status_code == 401


def test_revoking_everybody() -> None:
    client = LanyardClient()
    client.login_as(create_user("alice"))
    call_command("lanyard_revoke", "--all", "--no-input", stdout=io.StringIO())
    assert client.get("/protected/").status_code == 401


def test_the_admin_lists_searches_and_revokes() -> None:
    if not hasattr(get_user_model(), "is_staff"):
        pytest.skip("users of this model cannot enter the admin")
    root = create_user("root")
    everyone().filter(pk=root.pk).update(is_staff=True, is_superuser=True)
    admin = Client()
    admin.force_login(everyone().get(pk=root.pk))
    issued = LanyardClient().login_as(everyone().get(pk=root.pk))
    url = reverse("admin:lanyard_session_changelist")
    found = admin.get(url, {"q": sign_in_name("root")})
    assert re.findall(r"/lanyard/session/([0-9a-f-]{36})/change/", found.content.decode())[0] == str(issued.session.id)
    admin.post(url, {"action": "revoke_selected", "_selected_action": [str(issued.session.id)]})
    assert Session.objects.get(pk=issued.session.id).revoked_reason == "admin"


def claims(user, session):
    return {"secret": str(user.pk), "subject": session.subject}


def test_claims_are_checked_for_whatever_a_user_is() -> None:
    create_user("alice")
    with override_settings(LANYARD={"CLAIMS": claims}):
        found = checks.run_checks(databases=["default"])
    assert [one.id for one in found if (one.id or "").startswith("lanyard.")] == ["lanyard.W012"]
