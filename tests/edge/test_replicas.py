"""A router that reads from a replica that lags: whoever ends sessions asks the primary."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core.management import call_command
from django.db import DatabaseError

from drf_lanyard import create_token, revoke_user, revoke_users, sign_in
from drf_lanyard.core.errors import AuthError
from drf_lanyard.models import ApiToken, Session
from drf_lanyard.wiring import get_api_tokens, get_lanyard

from .databases import Lagging, another_database
from .people import session, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> Any:
    return user("alice")


@pytest.fixture(autouse=True)
def lagging(alice: Any, tmp_path: Path, settings: Any) -> Iterator[None]:
    with another_database(tmp_path):
        settings.DATABASE_ROUTERS = [Lagging()]
        assert not User.objects.exists()
        yield
        settings.DATABASE_ROUTERS = []


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def is_good(token: str, service: Any) -> bool:
    try:
        service.authenticate(token)
    except AuthError:
        return False
    return True


def test_the_command_that_ends_a_users_sessions(alice: Any) -> None:
    issued, (token, _) = sign_in(None, alice), create_token(alice, "CI")
    said = run("lanyard_revoke", "--user", "alice", "--api-tokens")
    assert said == "alice: 1 live sessions ended. 1 API tokens deleted.\n"
    assert not is_good(issued.access, get_lanyard())
    assert not is_good(token, get_api_tokens())


def test_the_command_that_ends_one(alice: Any) -> None:
    one = session(alice)
    assert run("lanyard_revoke", "--session", str(one)) == f"{one}: ended.\n"


def test_the_command_that_ends_all(alice: Any) -> None:
    issued = sign_in(None, alice)
    assert run("lanyard_revoke", "--all", "--no-input") == "Every session of 1 users was ended.\n"
    assert not is_good(issued.access, get_lanyard())


def test_the_commands_for_api_tokens(alice: Any) -> None:
    token = run("lanyard_token", "create", "--user", "alice", "--name", "CI").strip()
    assert is_good(token, get_api_tokens())
    (line,) = run("lanyard_token", "list", "--user", "alice").splitlines()
    token_id = line.split()[0]
    assert run("lanyard_token", "revoke", token_id) == f"{token_id}: revoked.\n"
    assert not is_good(token, get_api_tokens())


def test_revoking_a_user_with_api_tokens(alice: Any) -> None:
    token, _ = create_token(alice, "CI")
    revoke_user(alice, api_tokens=True)
    assert not is_good(token, get_api_tokens())
    assert not ApiToken.objects.using("default").exists()


def test_revoking_a_query(alice: Any) -> None:
    issued = sign_in(None, alice)
    assert revoke_users(User.objects.filter(username="alice")) == 1
    assert not is_good(issued.access, get_lanyard())
    assert Session.objects.using("default").get().revoked_at is not None


def test_whoever_asks_the_replica_by_name_gets_the_replica(alice: Any) -> None:
    assert revoke_users(User.objects.using("other").all()) == 0
    assert revoke_users(User.objects.using("default").all()) == 1


def test_what_fails_at_a_sign_in_is_told_as_it_is(alice: Any) -> None:
    """Only of somebody who is gone is it said that there is no such user."""

    def fail(**kwargs: Any) -> None:
        raise DatabaseError("disk full")

    user_logged_in.connect(fail)
    try:
        with pytest.raises(DatabaseError, match="disk full"):
            sign_in(None, alice)
    finally:
        user_logged_in.disconnect(fail)


# Users that a statement changed without a signal


def test_the_query_does_not_find_whom_its_own_update_changed(alice: Any) -> None:
    active = User.objects.using("default").filter(is_active=True)
    users = list(active)
    assert active.update(is_active=False) == 1
    assert revoke_users(active) == 0
    assert revoke_users(users) == 1
