"""The authenticators, in views of a project's own."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings
from rest_framework.authentication import BasicAuthentication
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from drf_lanyard.authentication import JWTAuthentication, LanyardAuthentication
from drf_lanyard.core.errors import StoreUnavailable
from drf_lanyard.core.model import Principal
from drf_lanyard.wiring import get_lanyard

from .calls import bearer, refusal
from .statements import recorded

factory = APIRequestFactory()


def call(*authenticators: Any, header: str | None = None, permission: Any = IsAuthenticated, **options: Any) -> Any:
    class Probe(APIView):
        authentication_classes = authenticators
        permission_classes = [permission]
        renderer_classes = options.get("renderers", [JSONRenderer])

        def get(self, request: Any) -> Response:
            seen.append(request)
            return Response({"user": request.user.pk, "name": options.get("touch", lambda user: None)(request.user)})

    seen: list[Any] = []
    extra: dict[str, Any] = {} if header is None else {"HTTP_AUTHORIZATION": header}
    response = Probe.as_view()(factory.get("/", **extra)).render()
    response.seen = seen
    return response


@pytest.mark.parametrize("form", [f for kind in (JWTAuthentication, LanyardAuthentication) for f in (kind, kind())])
@pytest.mark.django_db
def test_usable_as_a_class_and_as_an_instance(form: Any, alice: Any, tokens: dict[str, Any]) -> None:
    response = call(form, header=f"Bearer {tokens['access']}")
    assert response.status_code == 200
    request = response.seen[0]
    assert request.user == alice
    assert isinstance(request.auth, Principal)
    assert request.auth.user_id == str(alice.pk)
    assert str(request.auth.session_id) == tokens["session"]


class Jwt(JWTAuthentication):
    keyword = "JWT"


@pytest.mark.parametrize("form", [Jwt, Jwt(), JWTAuthentication(keyword="JWT")])
@pytest.mark.django_db
def test_another_keyword(form: Any, tokens: dict[str, Any]) -> None:
    assert call(form, header=f"jwt {tokens['access']}").status_code == 200
    refused = call(form, header=f"Bearer {tokens['access']}")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'JWT realm="api"')
    assert call(form, header="JWT x")["WWW-Authenticate"] == 'JWT realm="api", error="invalid_token"'


@pytest.mark.django_db
def test_a_known_token_needs_its_scheme_all_the_same(tokens: dict[str, Any]) -> None:
    access = tokens["access"]
    assert call(JWTAuthentication, header=f"Bearer {access}").status_code == 200
    assert call(JWTAuthentication, header=f"bearer {access}").status_code == 200
    for header, status in (
        (access, 401),
        (f"Bearer  {access}", 401),
        (f"Bearer {access} ", 401),
        (f" Bearer {access}", 401),
        (f"Bearer\t{access}", 401),
        (f"Token {access}", 401),
        (f"Bearer {access},Bearer {access}", 400),
    ):
        assert call(JWTAuthentication, header=header).status_code == status, header.split()[0]


@pytest.mark.parametrize("header", [None, "Basic dXNlcjpwYXNz", "Token abc"])
def test_without_a_credential_of_ours(header: str | None) -> None:
    refused = call(JWTAuthentication, header=header)
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    let_in = call(JWTAuthentication, header=header, permission=AllowAny)
    assert let_in.status_code == 200
    assert let_in.seen[0].user == AnonymousUser()
    assert let_in.seen[0].auth is None


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("Bearer", 401, "token_malformed"),
        ("Bearer ", 401, "token_malformed"),
        ("Bearer  x", 401, "token_malformed"),
        ("Bearer\tx", 401, "token_malformed"),
        ("Bearer x\0", 401, "token_malformed"),
        ("Bearer é", 401, "token_malformed"),
        ("bearer null", 401, "token_malformed"),
        ("Bearer a.b.c", 401, "token_invalid"),
        ("Bearer " + "x" * 100_000, 401, "token_malformed"),
        ("Bearer a.b.c,Bearer a.b.c", 400, "invalid_request"),
        ("Basic eA==,Bearer a.b.c", 400, "invalid_request"),
    ],
)
@pytest.mark.parametrize("permission", [IsAuthenticated, AllowAny])
def test_a_bad_header_is_refused_also_by_a_public_view(header: str, status: int, code: str, permission: Any) -> None:
    refused = call(LanyardAuthentication, header=header, permission=permission)
    assert (refused.status_code, refused.data["code"]) == (status, code)
    assert ("WWW-Authenticate" in refused) == (status == 401)
    if status == 401:
        assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.django_db
def test_vary_on_every_answer_without_a_middleware(tokens: dict[str, Any]) -> None:
    for header in (f"Bearer {tokens['access']}", "Bearer x", None):
        for permission in (IsAuthenticated, AllowAny):
            assert call(JWTAuthentication, header=header, permission=permission)["Vary"] == "Authorization, Cookie"
    both = call(JWTAuthentication, LanyardAuthentication, renderers=[JSONRenderer, BrowsableAPIRenderer])
    assert both["Vary"] == "Accept, Authorization, Cookie"


@pytest.mark.django_db
def test_beside_another_authenticator(alice: Any, tokens: dict[str, Any]) -> None:
    pair = (JWTAuthentication, BasicAuthentication)
    assert call(*pair, header=f"Bearer {tokens['access']}").data["user"] == alice.pk
    assert call(*pair, header="Basic YWxpY2U6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5").data["user"] == alice.pk
    assert call(*pair)["WWW-Authenticate"] == 'Bearer realm="api"'
    swapped = call(*reversed(pair), header=f"Bearer {tokens['access']}")
    assert swapped.data["user"] == alice.pk


@pytest.mark.django_db
def test_no_query(tokens: dict[str, Any]) -> None:
    get_lanyard().reader.fresh()
    with recorded() as statements:
        assert bearer(tokens["access"]).get("/protected/").status_code == 200
    # Tests read the revocation log through their own connection at each check, which nothing else does.
    assert [sql for sql in statements if "lanyard_revocation" not in sql] == []


def test_an_unreadable_log_is_a_503_with_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(token: str) -> Principal:
        raise StoreUnavailable

    monkeypatch.setattr(get_lanyard(), "authenticate", fail)
    response = call(JWTAuthentication, header="Bearer a.b.c", permission=AllowAny)
    assert refusal_of(response) == (503, "store_unavailable")
    assert response["Retry-After"] == "1"
    assert "WWW-Authenticate" not in response


@pytest.mark.django_db
def test_a_user_who_is_gone_is_a_401_in_every_rendering(alice: Any, tokens: dict[str, Any]) -> None:
    """The browsable API prints the user's name into the page of the error, too."""
    type(alice)._base_manager.filter(pk=alice.pk).update(is_active=False)  # no signal: only the row knows
    header = f"Bearer {tokens['access']}"
    assert call(JWTAuthentication, header=header).status_code == 200
    for renderers in ([JSONRenderer], [BrowsableAPIRenderer]):
        refused = call(JWTAuthentication, header=header, touch=lambda user: user.username, renderers=renderers)
        assert refusal_of(refused) == (401, "user_inactive")
        assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
        assert refused.seen[0].user == AnonymousUser()


@pytest.mark.django_db
def test_eager_loading_refuses_the_inactive_at_once(alice: Any, tokens: dict[str, Any]) -> None:
    header = f"Bearer {tokens['access']}"
    with override_settings(LANYARD={"USER_LOADING": "eager"}):
        response = call(JWTAuthentication, header=header)
        assert response.seen[0].user.__dict__["username"] == "alice"
        type(alice)._base_manager.filter(pk=alice.pk).update(is_active=False)
        assert refusal_of(call(JWTAuthentication, header=header)) == (401, "user_inactive")


def refusal_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.data["code"]


@pytest.mark.django_db
def test_a_subject_that_is_no_primary_key() -> None:
    lanyard = get_lanyard()
    for subject in ("not a number", "1.5", "9" * 250):
        token = lanyard.access.mint(subject=subject, session_id=uuid4(), epoch=0, now=lanyard.clock.time())
        response = call(JWTAuthentication, header=f"Bearer {token}", touch=lambda user: user.username)
        assert response.status_code == 401
        assert response.data["code"] in ("token_invalid", "user_inactive")


@pytest.mark.django_db
def test_refused_tokens_at_a_protected_view(api: Any) -> None:
    assert api.post("/auth/logout/").status_code == 204
    refused = api.get("/protected/")
    assert refusal(refused) == (401, "token_revoked")
    assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert refused["Vary"] == "Authorization, Cookie"
