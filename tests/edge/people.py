"""Users and sessions for the tests of this folder."""

from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from drf_lanyard import sign_in
from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session


def user(name: str = "alice", *, permissions: tuple[str, ...] = (), **fields: Any) -> Any:
    """A user with the password "wonderland"; `permissions` are codenames."""
    made = get_user_model().objects.create_user(name, password="wonderland", **fields)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


def session(owner: Any, **columns: Any) -> UUID:
    """A session of `owner`; `columns` are written into its row afterwards."""
    issued: Issued = sign_in(None, owner, device="phone")
    if columns:
        Session.objects.filter(pk=issued.session.id).update(**columns)
    return issued.session.id
