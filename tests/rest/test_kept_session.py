"""The session that the endpoint's password change keeps is kept by that change alone: threads are used again."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from drf_lanyard.models import Session
from drf_lanyard.receivers import keeping_session

from .calls import NEW_PASSWORD, bearer, login, refusal

pytestmark = pytest.mark.django_db


def change(api: APIClient, old: str, new: str = NEW_PASSWORD) -> Any:
    return api.post("/auth/password/change/", {"old_password": old, "new_password": new})


def by_set_password(user: Any) -> None:
    user.refresh_from_db()
    user.set_password("chosen by another")
    user.save()


def by_the_admin(user: Any) -> None:
    browser = Client()
    browser.force_login(get_user_model().objects.create_superuser("root"))
    data = {"password1": "chosen by another", "password2": "chosen by another", "usable_password": "true"}
    assert browser.post(f"/admin/auth/user/{user.pk}/password/", data).status_code == 302


def by_deactivation(user: Any) -> None:
    user.refresh_from_db()
    user.is_active = False
    user.save()


@pytest.mark.parametrize("later", [by_set_password, by_the_admin, by_deactivation])
def test_a_later_change_spares_nothing(
    later: Any, alice: Any, client: APIClient, tokens: dict[str, Any], api: APIClient
) -> None:
    """An administrator changes it since the session is a thief's; the same thread serves both."""
    renewed = change(api, "correct horse battery").json()
    assert bearer(renewed["access"]).get("/protected/").status_code == 200
    later(alice)
    assert not Session.objects.live().filter(pk=tokens["session"]).exists()
    assert refusal(bearer(renewed["access"]).get("/protected/"))[0] == 401
    assert refusal(client.post("/auth/refresh/", {"refresh": renewed["refresh"]})) == (401, "token_revoked")


def test_the_next_one_by_the_endpoint_keeps_its_own(
    alice: Any, client: APIClient, tokens: dict[str, Any], api: APIClient
) -> None:
    assert change(api, "correct horse battery").status_code == 200
    other = login(client, "alice", NEW_PASSWORD)
    assert change(bearer(other["access"]), NEW_PASSWORD, "a newer horse still").status_code == 200
    assert [str(pk) for pk in Session.objects.live().values_list("pk", flat=True)] == [other["session"]]


def test_a_change_that_fails_leaves_nothing_kept(alice: Any, tokens: dict[str, Any]) -> None:
    with pytest.raises(ZeroDivisionError), keeping_session(Session.objects.get().pk):
        raise ZeroDivisionError
    by_set_password(alice)
    assert not Session.objects.live().exists()
