"""`manage.py lanyard_token`."""

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import override_settings

from drf_lanyard import create_token, revoke_user
from drf_lanyard.core.errors import AuthError, TokenRevoked
from drf_lanyard.models import ApiToken
from drf_lanyard.wiring import get_api_tokens

from .people import user

DAY = 86400


def run(*arguments: str) -> tuple[str, str]:
    """What it prints: standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("lanyard_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def lifetime(row: ApiToken) -> Any:
    return None if row.expires_at is None else pytest.approx(row.expires_at - row.created_at, abs=0.01)


@pytest.mark.django_db
def test_create_prints_the_token_alone() -> None:
    alice = user("alice")
    out, err = run("create", "--user", "alice", "--name", "CI", "--scope", "read", "--scope", "write")
    principal = get_api_tokens().authenticate(out.removesuffix("\n"))
    row = ApiToken.objects.get()
    assert (principal.user_id, principal.token_id) == (str(alice.pk), row.pk)
    assert principal.scopes == {"read", "write"}
    assert out.strip() not in err
    assert f"{row.pk}: CI, for alice, never expires." in err
    assert (row.name, row.scope) == ("CI", "read write")


@pytest.mark.parametrize(("days", "seconds"), [("1", DAY), ("0.5", DAY / 2)])
@pytest.mark.django_db
def test_days(days: str, seconds: float) -> None:
    user("alice")
    _, err = run("create", "--user", "alice", "--name", "CI", "--expires-days", days)
    assert lifetime(ApiToken.objects.get()) == seconds
    assert "expires 20" in err


@pytest.mark.django_db
def test_the_default_lifetime() -> None:
    user("alice")
    with override_settings(LANYARD={"API_TOKEN": {"LIFETIME": 7 * DAY}}):
        run("create", "--user", "alice", "--name", "CI")
    assert lifetime(ApiToken.objects.get()) == 7 * DAY


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["create", "--user", "nobody", "--name", "CI"], "No user has the username 'nobody'"),
        (["create", "--user", "alice", "--name", ""], "name has 1 to 100"),
        (["create", "--user", "alice", "--name", "a" * 101], "name has 1 to 100"),
        (["create", "--user", "alice", "--name", "CI", "--scope", "a b"], "'a b' is not a scope"),
        (["create", "--user", "alice", "--name", "CI", "--expires-days", "0"], "lifetime"),
        (["create", "--user", "alice", "--name", "CI", "--expires-days", "-1"], "lifetime"),
        (["create", "--user", "alice", "--name", "CI", "--expires-days", "nan"], "lifetime"),
        (["create", "--user", "alice", "--name", "CI", "--expires-days", "soon"], "invalid float value"),
        (["create", "--user", "alice"], "--name"),
        (["create", "--name", "CI"], "--user"),
        (["list"], "--user"),
        (["list", "--user", "nobody"], "No user"),
        (["revoke", "1"], "'1' is not the id of a token"),
        (["revoke", "0190a0a0-0000-7000-8000-000000000000"], "There is no API token 0190a0a0"),
        (["revoke"], "ID"),
        (["destroy"], "invalid choice"),
        ([], "required"),
    ],
)
@pytest.mark.django_db
def test_clear_errors(arguments: list[str], problem: str) -> None:
    user("alice")
    with pytest.raises(CommandError, match=problem.replace("[", r"\[")):
        run(*arguments)
    assert not ApiToken.objects.exists()


@pytest.mark.django_db
def test_list_shows_everything_but_the_token() -> None:
    alice = user("alice")
    token, token_id = create_token(alice, "CI", scopes=["read"], lifetime=DAY)
    _, later = create_token(alice, "backup")
    ApiToken.objects.filter(pk=later).update(created_at=F("created_at") + 1)  # the clock of SQLite has milliseconds
    create_token(user("bob"), "of bob")
    get_api_tokens().authenticate(token)
    get_api_tokens().flush()

    first, second = run("list", "--user", "alice")[0].splitlines()

    for shown in (str(token_id), "CI", token[-4:], "read", "expires 20", "last used 20"):
        assert shown in first
    for shown in ("backup", "no limit of scope", "never expires", "never used"):
        assert shown in second
    assert token not in first


@pytest.mark.django_db
def test_revoke() -> None:
    token, token_id = create_token(user("alice"), "CI")
    get_api_tokens().authenticate(token)
    assert run("revoke", str(token_id)) == (f"{token_id}: revoked.\n", "")
    with pytest.raises(TokenRevoked):
        get_api_tokens().authenticate(token)


@pytest.mark.django_db(transaction=True)
def test_from_a_shell(database: Any) -> None:
    """`TOKEN=$(python manage.py lanyard_token create …)`"""
    user("alice")
    command = [sys.executable, "-m", "django", "lanyard_token", "create", "--user", "alice", "--name", "CI"]
    environment = {**database.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert get_api_tokens().tokens.is_well_formed(done.stdout.removesuffix("\n"))
    assert get_api_tokens().authenticate(done.stdout.strip()).token_id == ApiToken.objects.get().pk


@pytest.mark.django_db
def test_the_emergency_brake_can_take_the_api_tokens_too() -> None:
    users = [user(name) for name in ("braked", "spared", "called")]
    tokens = [get_api_tokens().create(owner.pk, "script")[0] for owner in users]

    call_command("lanyard_revoke", user="braked", api_tokens=True, stdout=io.StringIO())
    call_command("lanyard_revoke", user="spared", stdout=io.StringIO())
    revoke_user(users[2], api_tokens=True)

    def lives(token: str) -> bool:
        try:
            return get_api_tokens().authenticate(token).method == "api_token"
        except AuthError:
            return False

    assert [lives(token) for token in tokens] == [False, True, False]
    with pytest.raises(CommandError, match="goes with --user"):
        call_command("lanyard_revoke", "--all", "--api-tokens", "--no-input")
