"""REST framework authenticators: who a request comes from, without a database query.

Use them globally or per view, as a class or as an instance. `request.auth` is the `Principal`.
"""

from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from . import transport
from .core.errors import AuthError, TokenInvalid
from .core.model import Principal
from .exceptions import REALM, challenge, to_api_exception
from .transport import Credential
from .user import user_for, was_refused
from .wiring import get_lanyard

#: What every answer depends on, also one to a request without credentials.
VARY = ("Authorization", "Cookie")


class JWTAuthentication(BaseAuthentication):
    """Access tokens in `Authorization: Bearer <token>` (RFC 6750 section 2.1).

    A subclass or `JWTAuthentication(keyword="JWT")` changes the scheme. A header of another scheme is left to others.
    """

    keyword = "Bearer"
    www_authenticate_realm = REALM

    def __init__(self, keyword: str | None = None) -> None:
        self.keyword = keyword or type(self).keyword

    def __call__(self) -> Self:
        """REST framework calls what is in `authentication_classes`; an instance stands for itself there."""
        return self

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        """`(user, principal)`, or None when there is no credential of ours.

        Raises exceptions with `detail` and `code` in the body: 401, 400 for two headers, 503 when what is revoked
        cannot be known.
        """
        add_vary(request)
        try:
            credential = transport.read(request, self._schemes())
            if credential is None:
                return None
            principal = self.verify(credential)
            return user_for(principal.user_id), principal
        except AuthError as error:
            raise to_api_exception(error) from None

    def verify(self, credential: Credential) -> Principal:
        """Who the credential stands for. Raises `AuthError`."""
        return get_lanyard().authenticate(credential.token)

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401; it names an error only if a credential was presented (RFC 6750 section 3)."""
        _forget_refused_user(request)
        presented = transport.is_presented(request, self._schemes())
        code = TokenInvalid.code if presented else None
        return challenge(self.keyword, code=code, realm=self.www_authenticate_realm)

    def _schemes(self) -> frozenset[str]:
        return transport.BEARER if self.keyword == "Bearer" else frozenset({self.keyword.lower()})


class LanyardAuthentication(JWTAuthentication):
    """Every method that this library knows, told apart by the scheme: so far, access tokens."""


def add_vary(request: Request) -> None:
    """Let the view's answer say what it depends on, also when it is a 401. Needs no middleware."""
    headers = getattr((request.parser_context or {}).get("view"), "headers", None)
    if isinstance(headers, dict):
        present = [name.strip() for name in headers.get("Vary", "").split(",") if name.strip()]
        headers["Vary"] = ", ".join(present + [name for name in VARY if name not in present])


def _forget_refused_user(request: Request) -> None:
    """Called for every 401: renderers and middleware must not touch a user who could not be loaded a second time."""
    if was_refused(request.__dict__.get("_user")):
        request.user, request.auth = AnonymousUser(), None
