"""Revoking inside a transaction: nothing before the commit, nothing after a rollback, and no hook is needed for it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from drf_lanyard import revoke_session, revoke_user, revoked
from drf_lanyard.core.errors import AuthError
from drf_lanyard.models import Revocation, Session
from drf_lanyard.wiring import get_lanyard

from .kit import a_reader, a_user, actors, eventually, read_again, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The reasons that the signal has given."""
    reasons: list[str] = []

    def note(reason: str, **kwargs: Any) -> None:
        reasons.append(reason)

    revoked.connect(note)
    yield reasons
    revoked.disconnect(note)


def code(token: str) -> str:
    try:
        get_lanyard().authenticate(token)
    except AuthError as error:
        return error.code
    return "ok"


@pytest.mark.databases("postgres", "mariadb")
def test_others_are_served_until_the_commit_and_refused_from_then_on(told: list[str]) -> None:
    """On SQLite, a transaction that writes lets nobody else sign in meanwhile."""
    user = a_user()
    token = signed_in(user).access
    with actors(1) as (request,):
        request.begin()
        request.do(lambda: revoke_user(user, reason="test"))
        assert (code(token), told) == ("ok", [])
        request.commit()
        assert (code(token), told) == ("token_stale", ["test"])


def test_what_is_rolled_back_has_not_happened(told: list[str]) -> None:
    user = a_user()
    token = signed_in(user).access
    with transaction.atomic():
        revoke_user(user)
        transaction.set_rollback(True)
    with a_reader(lease=0.02) as another:
        assert not read_again(another).epochs
    assert (code(token), told, Revocation.objects.count()) == ("ok", [], 0)


def test_a_savepoint_that_is_rolled_back_takes_only_its_own(told: list[str]) -> None:
    alice, bob = a_user("alice"), a_user("bob")
    tokens = signed_in(alice).access, signed_in(bob).access
    with transaction.atomic():
        revoke_user(alice, reason="kept")
        with transaction.atomic():
            revoke_user(bob)
            transaction.set_rollback(True)
    assert [code(token) for token in tokens] == ["token_stale", "ok"]
    assert told == ["kept"]


def test_a_hook_of_others_that_raises_costs_the_shortcut_only(settings: Any) -> None:
    """Hooks before ours stop ours; the next read brings what was committed."""
    settings.LANYARD = {"LEASE": 0.1}
    user = a_user()
    token = signed_in(user).access

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(broken)
        revoke_user(user)
    assert Session.objects.get().revoked_at is not None
    eventually(lambda: code(token) == "token_stale")


def test_waiting_inside_a_transaction_is_an_error_and_revokes_nothing() -> None:
    user = a_user()
    token = signed_in(user).access
    session = Session.objects.get()
    with transaction.atomic():
        with pytest.raises(RuntimeError, match="transaction"):
            revoke_session(session, wait=True)
        with pytest.raises(RuntimeError, match="transaction"):
            revoke_user(user, wait=True)
    assert code(token) == "ok"
    assert Revocation.objects.count() == 0


def test_waiting_lasts_one_lease_from_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    user = a_user()
    signed_in(user)
    waited: list[tuple[float, int]] = []
    lanyard = get_lanyard()
    monkeypatch.setattr(lanyard, "_sleep", lambda seconds: waited.append((seconds, Revocation.objects.count())))
    assert revoke_session(Session.objects.get(), wait=True)
    assert waited == [(lanyard.policy.lease, 1)]
