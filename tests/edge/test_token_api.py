"""API tokens from Python: `create_token` and `revoke_token`."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils.functional import SimpleLazyObject

import drf_lanyard
from drf_lanyard import create_token, revoke_token, revoke_user, revoked
from drf_lanyard.core.errors import AuthError, TokenRevoked
from drf_lanyard.core.opaque import ApiTokens
from drf_lanyard.models import ApiToken, Revocation
from drf_lanyard.wiring import get_api_tokens, get_lanyard

from .people import user

pytestmark = pytest.mark.django_db


def code_of(token: str) -> str:
    try:
        get_api_tokens().authenticate(token)
    except AuthError as error:
        return error.code
    return "ok"


def lifetime(token_id: Any) -> Any:
    row = ApiToken.objects.get(pk=token_id)
    return None if row.expires_at is None else pytest.approx(row.expires_at - row.created_at, abs=0.01)


def test_both_are_public() -> None:
    assert {"create_token", "revoke_token"} <= set(drf_lanyard.__all__)


def test_create() -> None:
    alice = user("alice")
    token, token_id = create_token(
        alice, "CI", scopes=["read"], lifetime=timedelta(days=1), idle_lifetime=timedelta(hours=2)
    )
    row = ApiToken.objects.get(pk=token_id)
    assert (row.user, row.name, row.scope, row.idle_lifetime, str(row)) == (alice, "CI", "read", 7200.0, "CI")
    assert row.hint == token[-4:]
    assert lifetime(token_id) == 86400
    assert get_api_tokens().authenticate(token).user_id == str(alice.pk)


def test_the_default_lifetime() -> None:
    alice = user("alice")
    assert lifetime(create_token(alice, "CI")[1]) is None
    with override_settings(LANYARD={"API_TOKEN": {"LIFETIME": 600}}):
        assert lifetime(create_token(alice, "CI")[1]) == 600
        assert lifetime(create_token(alice, "CI", lifetime=60)[1]) == 60
        assert lifetime(create_token(alice, "CI", lifetime=None)[1]) is None


def test_another_prefix() -> None:
    alice = user("alice")
    with override_settings(LANYARD={"API_TOKEN": {"PREFIX": "shop_"}}):
        token, _ = create_token(alice, "CI")
        assert token.startswith("shop_") and code_of(token) == "ok"
    assert code_of(token) == "token_malformed"


@pytest.mark.parametrize("form", ["token", "id", "text of the id", "row"])
def test_revoke(form: str) -> None:
    heard: list[dict[str, Any]] = []
    token, token_id = create_token(user("alice"), "CI")
    assert code_of(token) == "ok"
    forms: dict[str, Any] = {
        "token": token,
        "id": token_id,
        "text of the id": str(token_id),
        "row": ApiToken.objects.get(pk=token_id),
    }

    def hear(sender: Any, signal: Any, **about: Any) -> None:
        heard.append(about)

    revoked.connect(hear)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(get_api_tokens()._publisher, "_after_commit", lambda action: action())
            assert revoke_token(forms[form], reason="leaked") is True
            assert revoke_token(forms[form]) is False
    finally:
        revoked.disconnect(hear)

    assert code_of(token) == "token_revoked"
    assert heard == [{"session_ids": (), "token_ids": (token_id,), "user_ids": (), "reason": "leaked"}]


def test_what_is_no_token() -> None:
    assert revoke_token(uuid4()) is False
    assert revoke_token(ApiTokens().mint()) is False
    for text in ("", "CI", "lan_"):
        with pytest.raises(ValueError, match="UUID"):
            revoke_token(text)


@pytest.mark.django_db(transaction=True)
def test_revoking_all_of_a_user_s_cannot_wait_in_a_transaction_and_is_done_in_one() -> None:
    alice = user("alice")
    token, _ = create_token(alice, "CI")
    with transaction.atomic(), pytest.raises(RuntimeError, match="wait"):
        revoke_user(alice, api_tokens=True, wait=True)
    assert code_of(token) == "ok"

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(get_api_tokens()._store, "delete", lambda *args: 1 / 0)
        revoke_user(alice, api_tokens=True)
    assert not Revocation.objects.exists()

    waited: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(get_lanyard(), "_sleep", waited.append)
        revoke_user(SimpleLazyObject(lambda: alice), api_tokens=True, wait=True)
    assert waited == [get_lanyard().policy.lease]
    assert code_of(token) == "token_revoked"


@pytest.mark.django_db(transaction=True)
def test_a_revocation_that_is_rolled_back_has_not_happened() -> None:
    token, token_id = create_token(user("alice"), "CI")
    assert code_of(token) == "ok"
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        revoke_token(token_id)
        raise ZeroDivisionError
    assert code_of(token) == "ok"


@pytest.mark.django_db(transaction=True)
def test_a_deletion_of_rows_that_is_rolled_back_has_not_happened() -> None:
    token, _ = create_token(user("alice"), "CI")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert ApiToken.objects.all().delete()[0] == 1
        raise ZeroDivisionError
    assert code_of(token) == "ok"
    ApiToken.objects.all().delete()
    with pytest.raises(TokenRevoked):
        get_api_tokens().authenticate(token)
