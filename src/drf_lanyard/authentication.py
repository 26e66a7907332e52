"""REST framework authenticators: who a request comes from.

Use them globally or per view, as a class or as an instance. `request.auth` is the `Principal`. With any mix of them a
request without credentials is a 401 with a Bearer challenge.
"""

from rest_framework.request import Request

from . import transport
from .core.access import Known
from .methods.base import Found, HeaderMethod, add_vary
from .methods.basic import BasicAuthentication
from .methods.session import SessionAuthentication
from .methods.tokens import CookieAuthentication, JWTAuthentication, TokenAuthentication
from .transport import BEARER, Credential
from .wiring import Services

__all__ = [
    "BasicAuthentication",
    "CookieAuthentication",
    "JWTAuthentication",
    "LanyardAuthentication",
    "SessionAuthentication",
    "TokenAuthentication",
    "add_vary",
]


class LanyardAuthentication(JWTAuthentication):
    """Every method of this library, told apart by what the request carries.

    An Authorization header decides alone: an access token or API token as Bearer, an API token as Token, Basic. Without
    one: the access cookie, then the Django session. `keyword` changes the scheme of access tokens.
    """

    #: What else a header may be, by the scheme in lower case.
    others: dict[str, HeaderMethod] = {"token": TokenAuthentication(), "basic": BasicAuthentication()}
    by_cookie = (CookieAuthentication(), SessionAuthentication())

    def find(self, request: Request) -> Found | None:
        if request._request.META.get("HTTP_AUTHORIZATION"):
            return super().find(request)
        for method in self.by_cookie:
            if (found := method.find(request)) is not None:
                return found
        return None

    def recall(self, services: Services, scheme: str, token: str) -> Known | None:
        if scheme == self.keyword:
            return services.lanyard.recall(token)
        if scheme == "Token" and "token" in self.others:
            return self.others["token"].recall(services, scheme, token)
        return None

    def schemes(self) -> frozenset[str]:
        return _ALL if self.keyword == "Bearer" else _ALL | {self.keyword.lower()}

    def identify(self, request: Request, credential: Credential) -> Found | None:
        if credential.scheme == self.keyword.lower():
            found = super().identify(request, credential)
            if found is not None:
                return found
        is_bearer = credential.scheme in BEARER or credential.scheme == self.keyword.lower()
        method = self.others.get("token" if is_bearer else credential.scheme)
        return None if method is None else method.identify(request, credential)

    def is_presented(self, request: Request) -> bool:
        return transport.is_presented(request, self.schemes() - {"basic"})


_ALL = frozenset({"bearer", "token", "basic"})
