"""Signing in, refreshing, signing out, verifying."""

import pytest

from .calls import PASSWORD, bearer, login, refusal

pytestmark = pytest.mark.django_db


def test_login(client, alice):
    body = login(client, "alice")
    assert set(body) == {"access", "refresh", "expires_in", "token_type", "session", "user", "claims"}
    assert bearer(body["access"]).get("/protected/").json() == {"user": alice.pk}
