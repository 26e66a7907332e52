"""What the demo's access tokens say about their user."""

from typing import Any

from django.contrib.auth.models import AbstractUser


def roles(user: AbstractUser, session: Any) -> dict[str, list[str]]:
    """The user's roles: the names of the groups, and "staff". Called when a token is issued, not when it is checked."""
    names = list(user.groups.order_by("name").values_list("name", flat=True))
    return {"roles": [*names, "staff"] if user.is_staff else names}
