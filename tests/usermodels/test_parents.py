"""A user model's parent that holds its columns is a sender of its own: saving it is saving the user."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from drf_lanyard import sign_in
from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session
from tests.races.world import code, refresh, refusal

from .users import create_user

#: Concrete ones, so in tables of their own.
PARENTS = [parent for parent in get_user_model()._meta.get_parent_list() if hasattr(parent, "is_active")]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not PARENTS, reason="this user model has no parents"),
]


@pytest.fixture
def issued() -> Issued:
    issued: Issued = sign_in(None, create_user())
    return issued


def save_parent(**changes: Any) -> None:
    """What a project does that knows the parent only."""
    parent = PARENTS[0]._base_manager.get()
    for name, value in changes.items():
        setattr(parent, name, value)
    parent.save()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"password": make_password("looking-glass")}, "password_changed"), ({"is_active": False}, "deactivated")],
    ids=["password", "is_active"],
)
def test_what_ends_a_users_sessions_does_through_the_parent(
    changes: dict[str, Any], reason: str, issued: Issued
) -> None:
    save_parent(**changes)
    assert Session.objects.get().revoked_reason == reason
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"


def test_a_parent_saved_as_it_was_ends_nothing(issued: Issued) -> None:
    save_parent()
    assert refusal(issued.access) == "ok"
    assert code(refresh(issued.refresh)) == "ok"


def test_deleting_the_parent_deletes_the_user(issued: Issued) -> None:
    PARENTS[0]._base_manager.get().delete()
    assert not get_user_model()._default_manager.exists()
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) != "ok"
