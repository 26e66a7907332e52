"""Names and passwords, and API tokens in their place, in a Basic header."""

from base64 import b64encode
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import override_settings
from rest_framework.permissions import AllowAny, IsAuthenticated

from drf_lanyard.authentication import BasicAuthentication, LanyardAuthentication
from drf_lanyard.wiring import get_api_tokens

from .calls import basic, call, header
from .kit import PASSWORD, script

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Basic", "token_malformed"),
        ("Basic ", "token_malformed"),
        ("Basic !!!", "token_malformed"),
        ("Basic YWxpY2U", "token_malformed"),
        ("Basic YWxpY2U=", "token_malformed"),
        ("Basic YWxpY2U6d29uZGVybGFuZA===", "token_malformed"),
        ("Basic " + b64encode(b"alice:\xff\xfe").decode(), "token_malformed"),
        ("Basic " + b64encode(b"al\0ice:wonderland").decode(), "token_malformed"),
        ("Basic " + b64encode(b"alice:wonder\0land").decode(), "token_malformed"),
        ("Basic " + b64encode(b"alice:wonder\x85land").decode(), "token_malformed"),
        ("Basic " + b64encode(b":").decode(), "invalid_credentials"),
        ("Basic " + b64encode(b"alice:").decode(), "invalid_credentials"),
        ("Basic " + b64encode(b":wonderland").decode(), "invalid_credentials"),
        ("Basic " + b64encode(b"alice:wrong").decode(), "invalid_credentials"),
        ("Basic " + b64encode(b"nobody:wonderland").decode(), "invalid_credentials"),
        ("Basic " + b64encode(b"a" * 200 + b":wonderland").decode(), "invalid_credentials"),
        ("Basic " + b64encode(b"alice:" + b"x" * 4097).decode(), "invalid_credentials"),
        ("Basic " + "x" * 100_000, "token_malformed"),
    ],
)
def test_bad_basic(value: str, code: str, alice: Any) -> None:
    for permission in (IsAuthenticated, AllowAny):
        cache.clear()
        refused = call(BasicAuthentication, permission=permission, **header(value))
        assert (refused.status_code, refused.data["code"]) == (401, code)
        assert refused["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_colon_belongs_to_the_password_and_names_are_read_as_at_sign_in(alice: Any) -> None:
    user = get_user_model().objects.create_user("Ångström", password="a:b:ç")
    for name in ("Ångström", "A\u030angstro\u0308m", " Ångström "):
        assert call(BasicAuthentication, **basic(name, "a:b:ç")).data == {"user": user.pk, "method": "basic"}


def test_an_inactive_user(alice: Any, credentials: Any) -> None:
    alice.is_active = False
    alice.save()
    assert call(BasicAuthentication, **credentials["basic"]).data["code"] == "invalid_credentials"
    for kind in ("basic token", "basic token, no name", "token"):
        assert call(LanyardAuthentication, **credentials[kind]).status_code == 401


def test_a_token_as_the_password_is_its_user_s_only(alice: Any) -> None:
    get_user_model().objects.create_user("bob", password=PASSWORD)
    token, _ = get_api_tokens().create(alice.pk, "script")
    for name in ("bob", "nobody", "Alice", "alice\u200b"):
        assert call(BasicAuthentication, **basic(name, token)).data["code"] == "invalid_credentials"
    unknown = get_api_tokens().tokens.mint()
    assert call(BasicAuthentication, **basic("alice", unknown)).data["code"] == "token_invalid"


def test_a_password_that_looks_like_a_token(alice: Any) -> None:
    alice.set_password("lan_of_the_free")
    alice.save()
    assert call(BasicAuthentication, **basic("alice", "lan_of_the_free")).data["method"] == "basic"


def test_guessing_is_throttled_with_the_sign_in_and_success_is_free(alice: Any) -> None:
    with override_settings(LANYARD={"THROTTLE": {"login_account": "3/min", "login_address": "5/min"}}):
        for _ in range(20):
            assert call(BasicAuthentication, **basic("alice", PASSWORD)).status_code == 200
        for _ in range(3):
            assert call(BasicAuthentication, **basic("alice", "wrong")).status_code == 401
        refused = call(BasicAuthentication, **basic("alice", PASSWORD))
        assert (refused.status_code, refused.data["code"]) == (429, "throttled")
        assert int(refused["Retry-After"]) >= 1
        login = script().post("/auth/login/", {"username": "ALICE", "password": PASSWORD})
        assert login.status_code == 429
        assert call(BasicAuthentication, **basic("bob", "x")).status_code == 429  # the address has failed five times


def test_success_does_not_forgive_an_address_its_failures(alice: Any) -> None:
    with override_settings(LANYARD={"THROTTLE": {"login_account": None, "login_address": "3/min"}}):
        for number in range(3):
            assert call(BasicAuthentication, **basic(f"victim {number}", "guess")).status_code == 401
            if number < 2:
                assert call(BasicAuthentication, **basic("alice", PASSWORD)).status_code == 200
        assert call(BasicAuthentication, **basic("alice", PASSWORD)).status_code == 429


@pytest.mark.databases("sqlite", "postgres")  # elsewhere there cannot be both
def test_success_does_not_forgive_an_account_of_nearly_the_same_name(alice: Any) -> None:
    get_user_model().objects.create_user("Alice", password="mine")
    with override_settings(LANYARD={"THROTTLE": {"login_account": "3/min", "login_address": None}}):
        for guesses in range(1, 4):
            assert call(BasicAuthentication, **basic("alice", "guess")).status_code == 401
            assert call(BasicAuthentication, **basic("Alice", "mine")).status_code == (200 if guesses < 3 else 429)
        assert call(BasicAuthentication, **basic("alice", PASSWORD)).status_code == 429


@pytest.mark.parametrize("kind", ["token", "basic token, no name", "basic"])
def test_no_account_endpoints_without_a_session(kind: str, credentials: Any, client: Any) -> None:
    meta = credentials[kind]
    for method, path in (
        ("get", "sessions/"),
        ("delete", "sessions/x/"),
        ("post", "logout/all/"),
        ("post", "logout/others/"),
        ("post", "password/change/"),
        ("get", "api-tokens/"),
        ("post", "api-tokens/"),
    ):
        refused = getattr(client, method)(f"/auth/{path}", secure=True, **meta)
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied"), path
    me = client.get("/auth/me/", secure=True, **meta).json()
    assert (me["session"], me["user"]["username"]) == (None, "alice")
    assert me["method"] == ("basic" if kind == "basic" else "api_token")
