"""Every way in which a project changes a password ends the old sessions: at once, or at their next refresh."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import AdminPasswordChangeForm, PasswordChangeForm, SetPasswordForm, UserChangeForm
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from drf_lanyard.api import revoke_users
from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session

from .causes import NEW_PASSWORD, fetch
from .world import PASSWORD, assert_dead, assert_lives, code, log_in, new_user, pass_time, refresh, refusal


class Colleague(User):
    """A proxy is a sender of its own."""

    class Meta:
        proxy = True
        app_label = "testapp"


def by_method() -> None:
    user = fetch()
    user.set_password(NEW_PASSWORD)
    user.save()


def by_method_and_fields() -> None:
    user = fetch()
    user.set_password(NEW_PASSWORD)
    user.save(update_fields=["password"])


def by_assignment() -> None:
    user = fetch()
    user.password = make_password(NEW_PASSWORD)
    user.save()


def by_assignment_and_fields() -> None:
    user = fetch()
    user.password = make_password(NEW_PASSWORD)
    user.save(update_fields={"password", "email"})


def by_two_saves() -> None:
    user = fetch()
    user.set_password(NEW_PASSWORD)
    user.save(update_fields=["email"])
    user.save()


def by_making_it_unusable() -> None:
    user = fetch()
    user.set_unusable_password()
    user.save()


def by_proxy() -> None:
    user = Colleague._default_manager.get(username="alice")
    user.set_password(NEW_PASSWORD)
    user.save()


def by_deferred_instance() -> None:
    user = get_user_model()._default_manager.only("pk").get(username="alice")
    user.set_password(NEW_PASSWORD)
    user.save()


def by_update_or_create() -> None:
    get_user_model()._default_manager.update_or_create(
        username="alice", defaults={"password": make_password(NEW_PASSWORD)}
    )


def by_reset_form() -> None:
    form = SetPasswordForm(fetch(), {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})
    assert form.is_valid(), form.errors
    form.save()


def by_change_form() -> None:
    data = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    form = PasswordChangeForm(fetch(), data)
    assert form.is_valid(), form.errors
    form.save()


def by_admin_form() -> None:
    form = AdminPasswordChangeForm(fetch(), {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert form.is_valid(), form.errors
    form.save()


def by_admin_page() -> None:
    browser = Client()
    browser.force_login(new_user("root", is_staff=True, is_superuser=True))
    data = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    assert browser.post(f"/admin/auth/user/{fetch().pk}/password/", data).status_code == 302


def by_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW_PASSWORD)
    call_command("changepassword", "alice", verbosity=0)


def in_a_transaction() -> None:
    with transaction.atomic():
        by_method()


WAYS: Mapping[str, Callable[..., None]] = {
    way.__name__: way
    for way in (
        by_method,
        by_method_and_fields,
        by_assignment,
        by_assignment_and_fields,
        by_two_saves,
        by_making_it_unusable,
        by_proxy,
        by_deferred_instance,
        by_update_or_create,
        by_reset_form,
        by_change_form,
        by_admin_form,
        by_admin_page,
        in_a_transaction,
    )
}


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_password_ends_sessions_at_once(way: str, issued: Issued) -> None:
    before = fetch().password
    WAYS[way]()
    assert fetch().password != before
    assert not Session.objects.live().filter(pk=issued.session.id).exists()
    assert refusal(issued.access) == "token_stale"
    assert_dead(issued)


def test_by_the_command(issued: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    by_command(monkeypatch)
    assert_dead(issued)
    assert_lives(log_in(password=NEW_PASSWORD))  # type: ignore[arg-type]


def test_saving_the_same_password_again_ends_nothing(issued: Issued) -> None:
    user = fetch()
    user.save()
    user.email = "alice@example.com"
    user.save()
    user.save(update_fields=["password", "last_login"])
    assert_lives(issued)


def test_a_change_that_is_rolled_back_ends_nothing(issued: Issued) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        by_method()
        raise ZeroDivisionError
    assert_lives(issued)


def test_another_user_is_not_touched(issued: Issued) -> None:
    new_user("bob")
    bob = log_in("bob")
    by_method()
    assert_dead(issued)
    assert bob is not None
    assert_lives(bob)


def by_queryset() -> None:
    get_user_model()._default_manager.filter(username="alice").update(password=make_password(NEW_PASSWORD))


def by_bulk_update() -> None:
    user = fetch()
    user.password = make_password(NEW_PASSWORD)
    get_user_model()._default_manager.bulk_update([user], ["password"])


def by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET password = %s", [make_password(NEW_PASSWORD)])


@pytest.mark.parametrize("way", [by_queryset, by_bulk_update, by_sql])
@pytest.mark.parametrize("age", [0.0, 3600.0])
def test_what_sends_no_signal_is_noticed_at_the_next_refresh(
    way: Callable[[], None], age: float, issued: Issued
) -> None:
    pass_time(issued.session.id, age)
    way()
    assert code(refresh(issued.refresh)) == "token_revoked"
    assert_dead(issued)
    assert_lives(log_in(password=NEW_PASSWORD))  # type: ignore[arg-type]


@pytest.mark.parametrize("way", [by_queryset, by_bulk_update, by_sql])
def test_revoke_users_is_for_those(way: Callable[[], None], issued: Issued) -> None:
    way()
    assert refusal(issued.access) == "ok"
    assert revoke_users(get_user_model()._default_manager.filter(username="alice")) == 1
    assert refusal(issued.access) == "token_stale"
    assert_dead(issued)


def test_the_net_holds_a_user_who_was_deactivated_without_a_signal(issued: Issued) -> None:
    get_user_model()._default_manager.filter(username="alice").update(is_active=False)
    assert code(refresh(issued.refresh)) == "user_inactive"
    assert_dead(issued)


def test_a_form_that_edits_the_user_ends_them_when_it_deactivates(issued: Issued) -> None:
    data = {
        "username": "alice",
        "date_joined_0": "2024-01-01",
        "date_joined_1": "00:00:00",
        "date_joined": "2024-01-01",
    }
    form: Any = UserChangeForm(data, instance=fetch())
    assert form.is_valid(), form.errors
    form.save()  # an unchecked box: not active any more
    assert code(refresh(issued.refresh)) == "token_revoked"
    assert_dead(issued)
