"""Permissions that ask only the principal: none makes a query."""

from typing import Any, Self

from rest_framework.permissions import BasePermission, OperationHolderMixin
from rest_framework.request import Request

from ..core.errors import PermissionDenied
from ..core.model import Principal
from ..core.scope import join_scopes


class _PrincipalPermission(OperationHolderMixin, BasePermission):
    """Usable as an instance in `permission_classes`, and with `&`, `|` and `~`."""

    # A dictionary, since REST framework puts a code into the body of an answer in no other way.
    message = {"detail": PermissionDenied.default_detail, "code": PermissionDenied.code}
    code = PermissionDenied.code

    def __call__(self) -> Self:
        """REST framework calls what is in `permission_classes`."""
        return self

    def has_permission(self, request: Request, view: Any) -> bool:
        principal = request.auth
        return isinstance(principal, Principal) and self.allows(principal)

    def allows(self, principal: Principal) -> bool:
        raise NotImplementedError


class IsSession(_PrincipalPermission):
    """Signed in by a session of ours: not by an API token, not by a password sent with every request."""

    def allows(self, principal: Principal) -> bool:
        return principal.session_id is not None


class HasScope(_PrincipalPermission):
    """Not kept out by its scopes: `HasScope("posts:write")`. Of several, all are needed; `|` means any.

    Only credentials that were given scopes are limited: an API token with some. A session, a password, and an API token
    without scopes may do all that their user may. Views that do not ask let every scope in.
    """

    def __init__(self, *scopes: str) -> None:
        if not scopes:
            raise ValueError('HasScope needs at least one scope: HasScope("posts:write").')
        self.scopes = frozenset(join_scopes(scopes).split())

    def allows(self, principal: Principal) -> bool:
        return not principal.scopes or self.scopes <= principal.scopes


class HasClaim(_PrincipalPermission):
    """The access token's claim `name` is `value`, or a list that contains it: `HasClaim("roles", "editor")`."""

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value

    def allows(self, principal: Principal) -> bool:
        claim = principal.claims.get(self.name)
        return self._fits(claim) or (isinstance(claim, list) and any(self._fits(item) for item in claim))

    def _fits(self, claim: Any) -> bool:
        """Equal in JSON's sense: True is not 1."""
        return bool(claim == self.value) and isinstance(claim, bool) == isinstance(self.value, bool)
