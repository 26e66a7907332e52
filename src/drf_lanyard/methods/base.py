"""What all methods share: absent is None, and a 401 always has a challenge that clients understand."""

from functools import lru_cache
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from .. import transport
from ..core.access import Known
from ..core.errors import AuthError, TokenInvalid
from ..core.model import Principal
from ..exceptions import REALM, challenge, to_api_exception
from ..transport import Credential
from ..user import key_of, user_with, was_refused
from ..wiring import Services, get_services

#: What every answer depends on, also one to a request without credentials.
VARY = ("Authorization", "Cookie")
#: Where a request remembers why its cookie was treated as absent.
_REFUSAL = "_lanyard_refusal"

Found = tuple[Any, Principal]


class Method(BaseAuthentication):
    """One way to authenticate; `request.auth` becomes a `Principal`."""

    #: The scheme of the challenge. Never Basic: browsers would answer with a dialogue of their own.
    scheme = "Bearer"
    www_authenticate_realm = REALM

    def __call__(self) -> Self:
        """REST framework calls what is in `authentication_classes`; an instance stands for itself there."""
        return self

    def authenticate(self, request: Request) -> Found | None:
        """`(user, principal)`, or None when there is no credential for this method.

        Raises exceptions with `detail` and `code` in the body: 401, 400 for what comes twice, 403 for what comes from
        an untrusted page, 503 when what is revoked cannot be known.
        """
        add_vary(request)
        try:
            return self.find(request)
        except AuthError as error:
            raise to_api_exception(error) from None

    def find(self, request: Request) -> Found | None:
        """`authenticate`, raising `AuthError`."""
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401; it names an error only if a token was presented (RFC 6750 section 3)."""
        _forget_refused_user(request)
        presented = refusal_of(request) is not None or self.is_presented(request)
        return challenge(self.scheme, code=TokenInvalid.code if presented else None, realm=self.www_authenticate_realm)

    def is_presented(self, request: Request) -> bool:
        return False


class HeaderMethod(Method):
    """A method that is recognised by the scheme of the Authorization header."""

    keyword = "Bearer"

    def __init__(self, keyword: str | None = None) -> None:
        if keyword:
            self.keyword = keyword

    def schemes(self) -> frozenset[str]:
        """In lower case."""
        return frozenset({self.keyword.lower()})

    def authenticate(self, request: Request) -> Found | None:
        """As `Method.authenticate`; what the process knows already is let in with as few calls as possible."""
        add_vary(request)
        try:
            if request._request.META.get("HTTP_AUTHORIZATION"):
                services = get_services()  # may fail, and then no frame is to hold what the client sent
                scheme, _, token = request._request.META["HTTP_AUTHORIZATION"].partition(" ")
                # Nothing can be wrong with the form of a token that was genuine before.
                known = self.recall(services, scheme, token)
                del token  # error reports show the variables of every frame
                if known is not None:
                    return user_with(known.user_key or note_key(known)), known.principal
            return self.find(request)
        except AuthError as error:
            raise to_api_exception(error) from None

    def recall(self, services: Services, scheme: str, token: str) -> Known | None:
        """What the process knows of a token, if it is good now; None: `find` has to say. Raises `AuthError`."""
        return None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A class that decides by itself, or inherits from one that does, is asked each time.

        Whatever other views have let in. Who brings a `recall` along with what it decides is taken at its word.
        """
        super().__init_subclass__(**kwargs)
        if any(_decides(base) for base in cls.__mro__ if base not in HeaderMethod.__mro__):
            cls.recall = HeaderMethod.recall  # type: ignore[method-assign]

    @sensitive_variables()
    def find(self, request: Request) -> Found | None:
        credential = transport.read(request._request, self.schemes())
        return None if credential is None else self.identify(request, credential)

    def identify(self, request: Request, credential: Credential) -> Found | None:
        """Whose credential it is; None if it is another method's after all. Raises `AuthError`."""
        raise NotImplementedError

    def is_presented(self, request: Request) -> bool:
        return transport.is_presented(request, self.schemes())


def _decides(base: type) -> bool:
    own = vars(base)
    is_asked = own.get("recall", HeaderMethod.recall) is HeaderMethod.recall
    return is_asked and not own.keys().isdisjoint(("find", "identify", "schemes"))


class CookieMethod(Method):
    """A method that reads cookies: not where there is an Authorization header, of whatever scheme."""

    def find(self, request: Request) -> Found | None:
        return None if request._request.META.get("HTTP_AUTHORIZATION") else self.identify(request)

    def identify(self, request: Request) -> Found | None:
        """Whose the cookie is, if there is one. Raises `AuthError`."""
        raise NotImplementedError


def note_key(known: Known) -> Any:
    """The primary key of a token's user, which is read out of the text once. Raises `TokenInvalid`."""
    known.user_key = key_of(known.principal.user_id)
    return known.user_key


def note_refusal(request: Request, error: AuthError) -> None:
    """Remember why a cookie is treated as absent, for the 401 of a view that needs somebody."""
    request.__dict__[_REFUSAL] = error


def refusal_of(request: Any) -> AuthError | None:
    """Why the request's cookie was treated as absent, if it was."""
    refusal: AuthError | None = getattr(request, "__dict__", {}).get(_REFUSAL)
    return refusal


def add_vary(request: Request) -> None:
    """Let the view's answer say what it depends on, also when it is a 401. Needs no middleware."""
    headers = getattr(request.parser_context.get("view"), "headers", None)
    if isinstance(headers, dict):
        headers["Vary"] = _with_ours(headers.get("Vary", ""))


@lru_cache(maxsize=128)
def _with_ours(vary: str) -> str:
    present = [name.strip() for name in vary.split(",") if name.strip()]
    return ", ".join(present + [name for name in VARY if name not in present])


def _forget_refused_user(request: Request) -> None:
    """Called for every 401: renderers and middleware must not touch a user who could not be loaded a second time."""
    if was_refused(request.__dict__.get("_user")):
        request.user, request.auth = AnonymousUser(), None
