"""The authenticator that does nothing: what a request costs without authentication."""

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework.authentication import BaseAuthentication

_found: list[Any] = []


class NullAuthentication(BaseAuthentication):
    """Everybody is one user, read once."""

    def authenticate(self, request: Any) -> tuple[Any, None]:
        if not _found:
            _found.append(get_user_model().objects.get(username="bench"))
        return _found[0], None

    def authenticate_header(self, request: Any) -> str:
        return "Bearer"
