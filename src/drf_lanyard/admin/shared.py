"""What the pages of sessions and of API tokens share."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_permission_codename, get_user_model
from django.http import HttpRequest
from django.utils import timezone


def asks_for(lookup: str, columns: frozenset[str]) -> bool:
    """Whether a filter in a list's address is about one of these: `?secret__startswith=a` would tell it bit by bit."""
    return not columns.isdisjoint(lookup.split("__"))


def local(moment: datetime | None) -> datetime | None:
    """Aware for a project with time zones (the admin converts it), else in the project's local time."""
    if moment is None or settings.USE_TZ:
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())


def goes_with_its_user(request: HttpRequest, own_pages: str, obj: Any) -> bool:
    """Whether a row may be deleted because its user may be: outside of the pages whose names start with `own_pages`.

    Rows of ours go with their user, so whoever may delete users need not ask for more.
    """
    page = request.resolver_match
    if obj is None or page is None or (page.url_name or "").startswith(own_pages):
        return False
    user = get_user_model()._meta
    return request.user.has_perm(f"{user.app_label}.{get_permission_codename('delete', user)}")
