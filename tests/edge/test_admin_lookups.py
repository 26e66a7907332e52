"""What a filter in the address of an admin list may ask: who may look at a row may not find out what it hides."""

import pytest
from django.test import Client
from django.urls import reverse

from drf_lanyard import create_token
from drf_lanyard.models import ApiToken, Session

from .people import session, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(user("staff", is_staff=True, permissions=("view_session", "view_apitoken")))
    return client


HIDDEN = [("session", name) for name in ("secret", "counter", "idempotency", "auth_hash")] + [("apitoken", "digest")]


@pytest.mark.parametrize("how", ["{}__startswith", "{}", "{}__regex", "user__lanyard_sessions__{}__startswith"])
@pytest.mark.parametrize(("page", "column"), HIDDEN)
def test_no_filter_asks_for_what_is_hidden(staff: Client, page: str, column: str, how: str) -> None:
    root = user("root", is_superuser=True)
    session(root)
    create_token(root, "backup")
    for value in ("0", "a", "zzz"):
        answer = staff.get(reverse(f"admin:lanyard_{page}_changelist"), {how.format(column): value})
        assert answer.status_code == 400, "an answer that depends on the value tells it bit by bit"


@pytest.mark.parametrize("page", ["session", "apitoken"])
def test_what_is_shown_may_be_asked_for(staff: Client, page: str) -> None:
    root = user("root", is_superuser=True)
    key = session(root) if page == "session" else create_token(root, "backup")[1]
    query = {"user__id__exact": str(root.pk), "id__exact": str(key)}
    answer = staff.get(reverse(f"admin:lanyard_{page}_changelist"), query)
    assert answer.status_code == 200
    assert f"/{key}/change/" in answer.content.decode()


def test_every_column_that_is_not_shown_is_hidden() -> None:
    """A new column has to be thought of."""
    both = {"id", "user", "created_at"}
    shown = {
        "session": both
        | {"method", "transport", "device", "ip", "user_agent", "rotated_at", "idle_expires_at", "absolute_expires_at"}
        | {"revoked_at", "revoked_reason"},
        "apitoken": both | {"name", "hint", "scope", "expires_at", "idle_lifetime", "last_used_at"},
    }
    for model in (Session, ApiToken):
        name = model._meta.model_name or ""
        columns = {field.name for field in model._meta.fields}
        assert columns == shown[name] | {column for page, column in HIDDEN if page == name}
