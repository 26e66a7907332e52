"""Tokens: ours that say all by themselves, and opaque ones for scripts; in a header or in a cookie."""

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .. import cookies
from ..browser import check_source
from ..core.access import Known
from ..core.errors import AuthError, StoreUnavailable, UserInactive
from ..core.origin import SAFE_METHODS
from ..transport import BEARER, Credential
from ..user import user_for, user_with
from ..wiring import Services, get_api_tokens, get_lanyard
from .base import CookieMethod, Found, HeaderMethod, note_key, note_refusal


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

    def recall(self, services: Services, scheme: str, token: str) -> Known | None:
        return services.lanyard.recall(token) if scheme == self.keyword else None

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

    def recall(self, services: Services, scheme: str, token: str) -> Known | None:
        return services.api_tokens.recall(token) if scheme == self.keyword else None

    def identify(self, request: Request, credential: Credential) -> Found | None:
        tokens = get_api_tokens()
        if credential.scheme in BEARER and not tokens.tokens.looks_like_one(credential.token):
            return None
        principal = tokens.authenticate(credential.token)
        return user_for(principal.user_id), principal


class CookieAuthentication(CookieMethod):
    """Access tokens in the HttpOnly cookie of the transport `cookie`. No query.

    Not read when there is an Authorization header. A request that changes something must come from a trusted page
    (403 `csrf_failed`). A dead cookie is no credential, so that it never blocks a public view.
    """

    def identify(self, request: Request) -> Found | None:
        http = request._request
        if "HTTP_COOKIE" not in http.META:
            return None
        lanyard = get_lanyard()  # may fail, and then no frame is to hold what the client sent
        if (token := cookies.read(http, "access")) is None:
            return None
        try:
            known = lanyard.recall(token)
            principal = lanyard.authenticate(token) if known is None else known.principal
            del token  # error reports show the variables of every frame
            user = user_for(principal.user_id) if known is None else user_with(known.user_key or note_key(known))
        except StoreUnavailable:
            raise
        except AuthError as error:
            note_refusal(request, error)
            return None
        except AuthenticationFailed:  # loaded eagerly, and gone or inactive
            note_refusal(request, UserInactive())
            return None
        if http.method not in SAFE_METHODS:
            check_source(http, by_cookie=True)
        return user, principal
