"""Tokens: ours that say all by themselves, and opaque ones for scripts; in a header or in a cookie."""

from rest_framework.request import Request

from .. import cookies, transport
from ..browser import check_source
from ..core.errors import AuthError, StoreUnavailable
from ..transport import BEARER, Credential
from ..user import user_for
from ..wiring import get_api_tokens, get_lanyard
from .base import Found, HeaderMethod, Method, note_refusal


class JWTAuthentication(HeaderMethod):
    """Access tokens in `Authorization: Bearer <token>` (RFC 6750 section 2.1). No query.

    A subclass or `JWTAuthentication(keyword="JWT")` changes the scheme. A header of another scheme is left to others,
    and so is an API token.
    """

    @property
    def scheme(self) -> str:  # type: ignore[override]
        return self.keyword

    def schemes(self) -> frozenset[str]:
        return BEARER if self.keyword == "Bearer" else super().schemes()

    def find(self, request: Request) -> Found | None:
        lanyard = get_lanyard()
        scheme, _, token = request._request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        # Nothing can be wrong with the form of a token that was genuine before.
        if scheme != self.keyword or token not in lanyard.access.known:
            return super().find(request)
        principal = lanyard.authenticate(token)
        return user_for(principal.user_id), principal

    def identify(self, request: Request, credential: Credential) -> Found | None:
        try:
            principal = get_lanyard().authenticate(credential.token)
        except AuthError:
            if get_api_tokens().tokens.looks_like_one(credential.token):
                return None
            raise
        return user_for(principal.user_id), principal


class TokenAuthentication(HeaderMethod):
    """API tokens in `Authorization: Token lan_…`, and as `Bearer lan_…`. One query at first sight in a process.

    A subclass or `TokenAuthentication(keyword="ApiKey")` changes the first of the two.
    """

    keyword = "Token"

    def schemes(self) -> frozenset[str]:
        return BEARER | {self.keyword.lower()}

    def identify(self, request: Request, credential: Credential) -> Found | None:
        tokens = get_api_tokens()
        if credential.scheme in BEARER and not tokens.tokens.looks_like_one(credential.token):
            return None
        principal = tokens.authenticate(credential.token)
        return user_for(principal.user_id), principal


class CookieAuthentication(Method):
    """Access tokens in the HttpOnly cookie of the transport `cookie`. No query.

    Not read when there is an Authorization header. A request that changes something must come from a trusted page
    (403 `csrf_failed`). A dead cookie is no credential, so that it never blocks a public view.
    """

    def find(self, request: Request) -> Found | None:
        http = request._request
        if transport.has_header(http) or (token := cookies.read(http, "access")) is None:
            return None
        try:
            principal = get_lanyard().authenticate(token)
        except StoreUnavailable:
            raise
        except AuthError as error:
            note_refusal(request, error)
            return None
        check_source(http, by_cookie=True)
        return user_for(principal.user_id), principal
