"""What fails after the commit fails alone: a revocation is durable by then, and its caller must hear that it worked."""

from typing import Any

import pytest
from django.db import transaction

from drf_lanyard import revoke_user
from drf_lanyard.models import Session
from drf_lanyard.wiring import get_lanyard

from .kit import a_user, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """This process cannot apply what it has written; the attempts."""
    attempts: list[Any] = []

    def fail(entries: Any) -> None:
        attempts.append(entries)
        raise ZeroDivisionError

    monkeypatch.setattr(get_lanyard().publisher, "_apply", fail)
    return attempts


def test_in_a_transaction_the_projects_own_hooks_still_run(failing: list[Any]) -> None:
    user = a_user()
    signed_in(user)
    after: list[str] = []
    with transaction.atomic():
        revoke_user(user)
        transaction.on_commit(lambda: after.append("the project's"))
    assert (len(failing), after) == (1, ["the project's"])
    assert Session.objects.get().revoked_at is not None


def test_without_one_the_caller_hears_that_it_worked(failing: list[Any]) -> None:
    user = a_user()
    signed_in(user)
    revoke_user(user)
    assert len(failing) == 1
    assert Session.objects.get().revoked_at is not None


def test_a_revocation_after_it_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two in one transaction: the second's entries are heard of even if the first's hook failed."""
    alice, bob = a_user("alice"), a_user("bob")
    heard: list[Any] = []

    def fail_first(entries: Any) -> None:
        heard.append(entries)
        if len(heard) == 1:
            raise ZeroDivisionError

    monkeypatch.setattr(get_lanyard().publisher, "_apply", fail_first)
    with transaction.atomic():
        revoke_user(alice)
        revoke_user(bob)
    assert [len(entries) for entries in heard] == [1, 1]
