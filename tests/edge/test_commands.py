"""`lanyard_prune`, `lanyard_revoke` and `lanyard_status`."""

import io
import json
import re
import time
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from drf_lanyard import sign_in
from drf_lanyard.core.errors import TokenRevoked, TokenStale
from drf_lanyard.core.policy import DAY
from drf_lanyard.models import Revocation, RevocationHead, Session
from drf_lanyard.wiring import get_lanyard

from .people import session, user
from .test_conf import HMAC_SECRET, claims

pytestmark = pytest.mark.django_db
UNKNOWN = "0190a0a0-0000-7000-8000-000000000000"


def run(name: str, *args: str) -> str:
    out = io.StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


# lanyard_prune


def ended(days: float) -> dict[str, float]:
    return {"revoked_at": time.time() - days * DAY}


def test_prune_keeps_what_may_still_matter() -> None:
    alice = user("alice")
    live = session(alice)
    lately = session(alice, **ended(6.9))
    for gone in (
        ended(7.1),
        {"idle_expires_at": time.time() - 8 * DAY},
        {"absolute_expires_at": time.time() - 8 * DAY},
    ):
        session(alice, **gone)
    assert run("lanyard_prune").startswith("Deleted 3 sessions")
    assert set(Session.objects.values_list("pk", flat=True)) == {live, lately}
    assert run("lanyard_prune", "--older-than", "6.5").startswith("Deleted 1 sessions")
    assert set(Session.objects.values_list("pk", flat=True)) == {live}


@pytest.mark.parametrize("batch", ["1", "2", "5", "1000"])
def test_prune_goes_on_until_nothing_is_left(batch) -> None:
    alice = user("alice")
    for _ in range(5):
        session(alice, **ended(30))
    positions(1, 2, 3, 4, forget_at=time.time() - 60)
    assert run("lanyard_prune", "--batch", batch) == "Deleted 5 sessions and 4 entries of the revocation log.\n"
    assert run("lanyard_prune", "--batch", batch) == "Deleted 0 sessions and 0 entries of the revocation log.\n"


def positions(*numbers: int, forget_at: float) -> None:
    """Numbered entries of the log, and the head that goes with them."""
    Revocation.objects.bulk_create([Revocation(subject="1", position=n, forget_at=forget_at) for n in numbers])
    RevocationHead.objects.update_or_create(pk=1, defaults={"position": max(numbers)})


def test_prune_forgets_only_entries_whose_time_is_over_and_raises_the_floor() -> None:
    positions(1, 2, forget_at=time.time() - 60)
    positions(3, forget_at=time.time() + 3600)
    Revocation.objects.create(subject="1")  # not numbered yet: never forgotten
    run("lanyard_prune")
    assert set(Revocation.objects.values_list("position", flat=True)) == {3, None}
    assert RevocationHead.objects.get().floor == 2


@pytest.mark.django_db(transaction=True)
def test_prune_in_autocommit() -> None:
    session(user("alice"), **ended(30))
    positions(1, forget_at=time.time() - 60)
    assert run("lanyard_prune") == "Deleted 1 sessions and 1 entries of the revocation log.\n"


def test_pruning_ended_sessions_revokes_nothing_anew() -> None:
    session(user("alice"), **ended(30))
    run("lanyard_prune")
    assert not Revocation.objects.exists()


@pytest.mark.parametrize("args", [["--batch", "0"], ["--batch", "x"], ["--older-than", "-1"], ["--older-than", "nan"]])
def test_prune_refuses_nonsense(args) -> None:
    with pytest.raises(CommandError, match=r"--batch|--older-than"):
        run("lanyard_prune", *args)


# lanyard_revoke


def test_revoke_a_session() -> None:
    alice = user("alice")
    phone, laptop = sign_in(None, alice), sign_in(None, alice)
    assert run("lanyard_revoke", "--session", str(phone.session.id)) == f"{phone.session.id}: ended.\n"
    with pytest.raises(TokenRevoked):
        authenticate(phone.access)
    authenticate(laptop.access)
    assert Session.objects.get(pk=phone.session.id).revoked_reason == "command"
    assert "had been revoked before" in run("lanyard_revoke", "--session", str(phone.session.id))


def authenticate(access: str) -> None:
    get_lanyard().authenticate(access)


@pytest.mark.parametrize("is_active", [True, False])
def test_revoke_a_user(is_active) -> None:
    alice, bob = user("alice"), user("bob")
    of_alice, of_bob = sign_in(None, alice), sign_in(None, bob)
    type(alice).objects.filter(pk=alice.pk).update(is_active=is_active)
    assert run("lanyard_revoke", "--user", "alice") == "alice: 1 live sessions ended.\n"
    with pytest.raises((TokenRevoked, TokenStale)):
        authenticate(of_alice.access)
    authenticate(of_bob.access)
    assert [one.user_id for one in Session.objects.live()] == [bob.pk]


def test_revoke_everybody(monkeypatch) -> None:
    monkeypatch.setattr("drf_lanyard.management.commands.lanyard_revoke.BATCH", 2)
    tokens = [sign_in(None, user(f"user{number}")) for number in range(5)]
    assert run("lanyard_revoke", "--all", "--no-input") == "Every session of 5 users was ended.\n"
    assert not Session.objects.live().exists()
    for issued in tokens:
        with pytest.raises((TokenRevoked, TokenStale)):
            authenticate(issued.access)
    assert run("lanyard_revoke", "--all", "--no-input") == "Every session of 0 users was ended.\n"


def test_revoke_everybody_reaches_tokens_of_sessions_that_have_expired() -> None:
    """Their access tokens may live for some minutes more."""
    issued = sign_in(None, user("alice"))
    Session.objects.update(idle_expires_at=1.0)
    run("lanyard_revoke", "--all", "--no-input")
    with pytest.raises((TokenRevoked, TokenStale)):
        authenticate(issued.access)


@pytest.mark.parametrize("answer", ["no", "", "y", "YES"])
def test_revoke_everybody_asks(monkeypatch, answer: str) -> None:
    session(user("alice"))
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return answer

    monkeypatch.setattr("builtins.input", ask)
    with pytest.raises(CommandError, match="Nothing was revoked"):
        run("lanyard_revoke", "--all")
    assert "1 users" in prompts[0]
    assert Session.objects.live().count() == 1


def test_revoke_everybody_when_told_yes(monkeypatch) -> None:
    session(user("alice"))
    monkeypatch.setattr("builtins.input", lambda prompt: "yes")
    run("lanyard_revoke", "--all")
    assert not Session.objects.live().exists()


def test_revoke_everybody_with_nobody_to_ask(monkeypatch) -> None:
    def nobody(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(CommandError, match="--no-input"):
        run("lanyard_revoke", "--all")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--user", "nobody"], "No user has the username 'nobody'"),
        (["--session", UNKNOWN], "There is no session"),
        (["--session", "12"], "'12' is not the id of a session"),
        ([], "required"),
        (["--user", "alice", "--all"], "not allowed with"),
    ],
)
def test_revoke_refuses_what_it_does_not_know(args, says) -> None:
    session(user("alice"))
    with pytest.raises(CommandError, match=says):
        run("lanyard_revoke", *args)
    assert Session.objects.live().count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["session", "user", "all"])
def test_revoke_waits_for_the_lease(monkeypatch, what) -> None:
    alice = user("alice")
    issued = sign_in(None, alice)
    user("bob")
    waited: list[float] = []
    monkeypatch.setattr(get_lanyard(), "_sleep", waited.append)
    arguments = {
        "session": ["--session", str(issued.session.id)],
        "user": ["--user", "alice"],
        "all": ["--all", "--no-input"],
    }[what]
    run("lanyard_revoke", *arguments, "--wait")
    assert waited == [get_lanyard().policy.lease]
    run("lanyard_revoke", *arguments)
    assert len(waited) == 1


# lanyard_status


def status() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(run("lanyard_status", "--json"))
    return found


def test_status_of_an_empty_database() -> None:
    found = status()
    assert found["log"] == {
        "length": 0,
        "credentials": 0,
        "users": 0,
        "unsequenced": 0,
        "forgettable": 0,
        "oldest": None,
        "position": 0,
        "floor": 0,
        "forgets_next": None,
    }
    assert found["sessions"] == {"stored": 0, "live": 0, "users_with_epochs": 0}
    assert found["database"]["alias"] == "default"


def test_status_counts() -> None:
    alice = user("alice")
    session(alice)
    session(alice, **ended(1))
    positions(4, forget_at=time.time() - 60)
    positions(5, 6, forget_at=time.time() + 3600)
    RevocationHead.objects.update(floor=3)
    run("lanyard_revoke", "--user", "alice")
    found = status()
    assert found["sessions"] == {"stored": 2, "live": 0, "users_with_epochs": 1}
    log = found["log"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(log.pop("forgets_next")))
    counted = {"length": 4, "credentials": 0, "users": 4}
    assert log == counted | {"unsequenced": 1, "forgettable": 1, "oldest": 4, "position": 6, "floor": 3}


def test_status_shows_the_settings_in_force_and_no_secret() -> None:
    lanyard = {
        "ISSUER": "shop",
        "LEASE": 0.5,
        "CLAIMS": claims,
        "USER_SERIALIZER": "rest_framework.serializers.Serializer",
        "PUSH_URL": "redis://:hunter2@127.0.0.1/0",
        "COOKIE": {"NAME": "shop"},
        "API_TOKEN": {"PREFIX": "shop_", "LIFETIME": 3600},
        "THROTTLE": {"login_address": "20/min", "login_account": None},
        "SIGNING_KEYS": [{"algorithm": "HS256", "key": HMAC_SECRET, "kid": "2026-11"}],
    }
    key = "hunter2 hunter2 hunter2 hunter2 hunter2"
    with override_settings(LANYARD=lanyard, SECRET_KEY=key, SECRET_KEY_FALLBACKS=["older hunter2"]):
        found, text = status()["settings"], run("lanyard_status")
        assert "hunter2" not in run("lanyard_status", "--json") + text
        assert HMAC_SECRET not in text
    assert found["issuer"] == "shop"
    assert found["lease"] == 0.5
    assert found["keys"] == ["2026-11 (HS256)"]
    assert found["secret_keys"] == 2
    assert found["claims"] == "tests.edge.test_conf.claims"
    assert found["user_serializer"] == "rest_framework.serializers.Serializer"
    assert found["push_url"] == "redis"
    assert (found["cookie"], found["api_token"]) == ({"name": "shop"}, {"prefix": "shop_", "lifetime": 3600.0})
    assert found["throttle"]["login_address"] == "20/60s"
    assert found["throttle"]["login_account"] is None


def test_status_says_what_pushes() -> None:
    assert status()["push"] == {"kind": None}
    with override_settings(LANYARD={"PUSH_URL": "redis://:hunter2@127.0.0.1/0"}):
        assert status()["push"] == {"kind": "redis"}


@pytest.mark.databases("postgres")
def test_status_says_how_full_the_queue_of_notifications_is() -> None:
    with override_settings(LANYARD={"PUSH_URL": "postgres"}):
        push = status()["push"]
    assert push["kind"] == "postgres"
    assert 0 <= push["queue_usage"] < 1


def test_status_for_people() -> None:
    session(user("alice"))
    text = run("lanyard_status")
    for line in ("log", "  length: 0", "  oldest: -", "  live: 1", "  issuer: drf-lanyard", "  trusted_origins: -"):
        assert line in text.splitlines(), line


def test_ids_are_what_the_commands_print_and_take() -> None:
    session_id = session(user("alice"))
    printed = run("lanyard_revoke", "--session", session_id.hex).partition(":")[0]
    assert UUID(printed) == session_id
