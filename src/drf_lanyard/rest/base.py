"""What all of our views share."""

from collections.abc import Sequence
from typing import Any, cast

from django.utils.cache import patch_vary_headers
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from ..authentication import LanyardAuthentication
from ..browser import check_source
from ..core.errors import AuthError, InvalidRequest
from ..core.model import Principal
from ..exceptions import challenge, to_api_exception
from ..methods.base import VARY
from . import errors
from .permissions import IsSession


class EveryAlias(set[str]):
    """Django asks whether an alias is in it; `non_atomic_requests` names only one."""

    def __contains__(self, alias: object) -> bool:
        return True


class _AlwaysJson(DefaultContentNegotiation):
    """Whatever a client accepts: a sign-out is not refused for a header."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class SecretJSONRenderer(JSONRenderer):
    """What cannot be rendered fails after the view has ended, and error reports would show all of the answer."""

    @sensitive_variables()
    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        return super().render(data, accepted_media_type, renderer_context)


class LanyardView(APIView):
    """Open to everybody, in JSON, and never in a transaction of ATOMIC_REQUESTS.

    A re-read after a lost compare-and-swap would see the same old row in there for ever, and an error answer would roll
    back what the refusal wrote. Project-wide authenticators, permissions, throttles and versions do not apply: a stale
    header must not block a sign-in, and these paths have no version.
    """

    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = ()
    throttle_classes: Sequence[Any] = ()
    versioning_class = None
    parser_classes = (JSONParser, FormParser, MultiPartParser)
    renderer_classes = (SecretJSONRenderer,)
    content_negotiation_class = _AlwaysJson
    #: Answers are about one client, and many hold credentials (RFC 6750 section 5.3).
    cache_control = "no-store"
    #: Opens, renews or ends sessions: browsers must come from a trusted page, whatever the transport.
    checks_source = False

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view, of which Django's error reports show neither what was posted nor any variable below it."""
        view: Any = sensitive_post_parameters()(sensitive_variables()(super().as_view(**initkwargs)))
        view._non_atomic_requests = EveryAlias()
        return view

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.checks_source:
            check_source(request._request)
        super().initial(request, *args, **kwargs)

    def read(self, kind: type[Serializer[Any]]) -> dict[str, Any]:
        """The request's body in the shape of `kind`. Raises what becomes a 400."""
        body = kind(data=self.body())
        body.is_valid(raise_exception=True)
        return cast(dict[str, Any], body.validated_data)

    def body(self) -> Any:
        try:
            return self.request.data
        except (APIException, OSError):
            raise
        except Exception as error:  # too large, too deep for the parser, or a charset that does not decode text
            raise InvalidRequest("The body cannot be read.") from error

    def handle_exception(self, exc: Exception) -> Response:
        """Return the error. REST framework's own way marks a surrounding transaction for rollback."""
        error = to_api_exception(exc) if isinstance(exc, AuthError) else exc
        if isinstance(error, NotAuthenticated):
            error = errors.why(error, self.request)
        if isinstance(error, AuthenticationFailed | NotAuthenticated):
            error.auth_header = self.get_authenticate_header(self.request) or challenge(code=_code(error))  # type: ignore[union-attr]
        response = errors.respond(error)
        if response is None:
            self.raise_uncaught_exception(exc)
            raise exc
        response.exception = True
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", self.cache_control)
        if self.cache_control == "no-store":
            response.headers.setdefault("Pragma", "no-cache")
            patch_vary_headers(response, VARY)
        return response


class AccountView(LanyardView):
    """For somebody who is signed in by a session."""

    authentication_classes = (LanyardAuthentication,)
    permission_classes: Sequence[Any] = (IsSession,)

    @property
    def principal(self) -> Principal:
        return cast(Principal, self.request.auth)


def _code(error: APIException) -> str | None:
    detail: Any = error.detail
    return detail.get("code") if isinstance(detail, dict) else getattr(detail, "code", None)
