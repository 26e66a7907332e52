"""The authenticators, alone and mixed: what each takes, what it leaves to others, and what a 401 looks like."""

from itertools import permutations
from typing import Any

import pytest
from rest_framework.permissions import AllowAny, IsAuthenticated

from drf_lanyard import authentication, revoke_session, sign_in
from drf_lanyard.authentication import (
    BasicAuthentication,
    CookieAuthentication,
    JWTAuthentication,
    LanyardAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from tests.rest.statements import recorded

from .calls import call, header
from .kit import ACCESS

pytestmark = pytest.mark.django_db

METHODS = [
    BasicAuthentication,
    CookieAuthentication,
    JWTAuthentication,
    LanyardAuthentication,
    SessionAuthentication,
    TokenAuthentication,
]


TAKES = {
    JWTAuthentication: {"jwt"},
    CookieAuthentication: {"cookie"},
    TokenAuthentication: {"token", "bearer token"},
    BasicAuthentication: {"basic", "basic token", "basic token, no name"},
    SessionAuthentication: set[str](),
    LanyardAuthentication: {
        "jwt", "cookie", "token", "bearer token", "basic token", "basic token, no name", "basic",
    },
}  # fmt: skip
NAMES = {"jwt": "jwt", "cookie": "jwt", "basic": "basic"}


@pytest.mark.parametrize("as_instance", [False, True])
@pytest.mark.parametrize("kind", METHODS)
def test_what_each_takes(kind: Any, as_instance: bool, credentials: Any, alice: Any) -> None:
    method = kind() if as_instance else kind
    for name, meta in credentials.items():
        answer = call(method, **meta)
        if name in TAKES[kind]:
            assert answer.data == {"user": alice.pk, "method": NAMES.get(name, "api_token")}, name
        else:
            assert answer.status_code == 401, name
            assert answer["WWW-Authenticate"].startswith("Bearer "), name


@pytest.mark.parametrize("size", [1, 2, 3])
def test_any_mix_without_a_credential_is_a_401(size: int) -> None:
    for mix in permutations(METHODS, size):
        refused = call(*mix)
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
        assert refused["Vary"] == "Authorization, Cookie"
        assert call(*mix, permission=AllowAny).data == {"user": None, "method": None}


def test_any_mix_takes_what_its_parts_take(credentials: Any, alice: Any) -> None:
    for mix in permutations([JWTAuthentication, TokenAuthentication, CookieAuthentication, BasicAuthentication]):
        for name, meta in credentials.items():
            assert call(*mix, **meta).data["user"] == alice.pk, (mix, name)


def test_another_keyword(credentials: Any, alice: Any) -> None:
    access = credentials["jwt"]["HTTP_AUTHORIZATION"].split()[1]
    token = credentials["token"]["HTTP_AUTHORIZATION"].split()[1]

    class ApiKey(TokenAuthentication):
        keyword = "ApiKey"

    for method in (ApiKey, ApiKey(), TokenAuthentication(keyword="ApiKey")):
        assert call(method, **header(f"apikey {token}")).status_code == 200
        assert call(method, **header(f"Bearer {token}")).status_code == 200
        assert call(method, **header(f"Token {token}")).status_code == 401
    for keyword in ("JWT", "Token"):
        every = LanyardAuthentication(keyword=keyword)
        assert call(every, **header(f"{keyword} {access}")).status_code == 200
        assert call(every, **header(f"Token {token}")).status_code == 200
        assert call(every, **header(f"Bearer {access}")).status_code == 401
        assert call(every, **header(f"Bearer {token}")).status_code == 200
        assert call(every)["WWW-Authenticate"] == f'{keyword} realm="api"'


@pytest.mark.parametrize("kind", ["jwt", "cookie", "token", "bearer token", "basic token, no name"])
def test_the_user_is_not_loaded(kind: str, credentials: Any) -> None:
    call(LanyardAuthentication, **credentials[kind])
    with recorded() as statements:
        assert call(LanyardAuthentication, **credentials[kind]).status_code == 200
    assert [sql for sql in statements if "lanyard_revocation" not in sql] == []


def test_an_instance_keeps_nothing_of_a_request(credentials: Any, alice: Any) -> None:
    method = LanyardAuthentication()
    assert call(method, **credentials["cookie"]).status_code == 200
    assert call(method).status_code == 401
    assert call(method, **credentials["basic"]).data["method"] == "basic"


@pytest.mark.parametrize("value", ["Token", "Token ", "Token x", "Token lan_x", "Token a,b", "Bearer lan_"])
def test_bad_tokens(value: str) -> None:
    for permission in (IsAuthenticated, AllowAny):
        refused = call(TokenAuthentication, permission=permission, **header(value))
        assert refused.data["code"] in ("token_malformed", "invalid_request")
        assert refused.status_code in (401, 400)
        if refused.status_code == 401:
            assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_what_only_looks_like_an_api_token_is_left_to_others() -> None:
    for text in ("lan_x", "lan_a.b.c"):
        assert call(JWTAuthentication, permission=AllowAny, **header(f"Bearer {text}")).data["user"] is None
        assert call(LanyardAuthentication, **header(f"Bearer {text}")).data["code"] == "token_malformed"


def test_a_dead_cookie_blocks_no_public_view(credentials: Any) -> None:
    for dead in ("x", "a.b.c", "é", '"quoted"', credentials["jwt"]["HTTP_AUTHORIZATION"][7:] + "x"):
        cookie = {"HTTP_COOKIE": f"{ACCESS}={dead}"}
        assert call(LanyardAuthentication, permission=AllowAny, **cookie).data == {"user": None, "method": None}
        refused = call(LanyardAuthentication, **cookie)
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_our_exception_handler_says_what_is_wrong_with_the_cookie(settings: Any, alice: Any) -> None:
    issued = sign_in(None, alice)
    revoke_session(issued.session.id)
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": "drf_lanyard.rest.errors.exception_handler",
    }
    meta = {"HTTP_COOKIE": f"{ACCESS}={issued.access}"}
    assert call(LanyardAuthentication, **meta).data["code"] == "token_revoked"
    assert call(LanyardAuthentication).data["code"] == "not_authenticated"


def test_the_public_names() -> None:
    assert {kind.__name__ for kind in METHODS} | {"add_vary"} == set(authentication.__all__)
