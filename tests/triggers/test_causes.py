"""What sends no signal revokes all the same, and what changes nothing writes nothing."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from rest_framework.test import APIClient

from drf_lanyard import revoke_user
from drf_lanyard.api import create_token
from drf_lanyard.core.model import Denied
from drf_lanyard.models import Revocation, Session
from drf_lanyard.wiring import get_lanyard
from tests.fleet.kit import a_reader, actors, eventually, read_again
from tests.races.world import assert_lives, code, log_in, new_user, pass_time, refresh, refusal

from .kit import (
    ACTIVE_CAUSES,
    DELETE_CAUSES,
    NEW_PASSWORD,
    PASSWORD_CAUSES,
    Cause,
    epoch_of,
    sql,
    sql_delete,
    update_active,
    update_password,
    written,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("installed")]


def each(causes: Any) -> Any:
    return pytest.mark.parametrize("cause", causes.values(), ids=causes.keys())


@each(PASSWORD_CAUSES)
def test_a_new_password(cause: Cause, alice: Any, issued: Any) -> None:
    bob = new_user("bob")
    theirs = log_in("bob")
    cause(alice)
    assert written() == [(str(alice.pk), 1, False)]
    assert (epoch_of(alice), epoch_of(bob)) == (1, None)
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"
    assert theirs is not None
    assert_lives(theirs)


@each(ACTIVE_CAUSES)
def test_deactivation(cause: Cause, alice: Any, issued: Any) -> None:
    cause(alice)
    assert written() == [(str(alice.pk), 1, True)]
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"
    row = Session.objects.get()
    assert row.revoked_reason == "deactivated"
    assert abs((row.revoked_at or 0) - row.created_at) < 60  # by the database's clock


def test_sessions_stay_dead_when_the_user_is_active_again(alice: Any, issued: Any) -> None:
    update_active(alice, False)
    update_active(alice, True)
    assert written() == [(str(alice.pk), 1, True), (str(alice.pk), 2, False)]
    assert refusal(issued.access) == "token_stale"
    assert code(refresh(issued.refresh)) == "token_revoked"
    again = log_in()
    assert again is not None
    assert_lives(again)


@each(DELETE_CAUSES)
def test_deletion(cause: Cause, alice: Any, issued: Any) -> None:
    cause(alice)
    assert written() == [(str(alice.pk), 1, True)]
    assert refusal(issued.access) == "token_stale"
    assert isinstance(refresh(issued.refresh), Denied)


def test_an_epoch_goes_on_from_where_it_was(alice: Any) -> None:
    revoke_user(alice)
    update_password(alice)
    assert epoch_of(alice) == 2
    assert written()[1:] == [(str(alice.pk), 2, False)]


def test_what_changes_neither_writes_nothing(alice: Any, issued: Any) -> None:
    users = get_user_model()._base_manager.filter(pk=alice.pk)
    users.update(last_name="Liddell", is_staff=True)
    users.update(password=alice.password, is_active=True)
    sql("UPDATE auth_user SET password = password, is_active = is_active")
    assert (written(), epoch_of(alice)) == ([], None)
    assert_lives(issued)


def test_passwords_are_compared_byte_by_byte(alice: Any) -> None:
    """MariaDB's default collations hold "a" for "A", and SHA-256 of the one is not that of the other."""
    get_user_model()._base_manager.filter(pk=alice.pk).update(password=alice.password.swapcase())
    assert epoch_of(alice) == 1


def test_what_is_rolled_back_leaves_nothing(alice: Any, issued: Any) -> None:
    for cause in (update_password, update_active, sql_delete):
        with pytest.raises(RuntimeError), transaction.atomic():
            cause(alice)
            assert len(written()) == 1
            raise RuntimeError
        assert (written(), epoch_of(alice)) == ([], None)
    assert_lives(issued)


def test_an_entry_is_like_any_other(alice: Any) -> None:
    for _ in range(20):
        get_user_model()._base_manager.filter(pk=alice.pk).update(password=f"!{NEW_PASSWORD}{_}")
    rows = list(Revocation.objects.values("uid", "position", "credential", "forget_at"))
    assert len({row["uid"] for row in rows}) == 20
    assert all(0 < row["uid"] < 2**63 for row in rows)
    assert max(row["uid"] for row in rows) > 2**50
    assert {(row["position"], row["credential"], row["forget_at"]) for row in rows} == {(None, "", None)}


def test_another_process_sees_it(alice: Any, issued: Any) -> None:
    lanyard = get_lanyard()
    principal = lanyard.access.verify(issued.access, lanyard.clock.time())
    with a_reader() as reader:
        eventually(reader.fresh)
        assert read_again(reader).verdict(principal) is None
        update_password(alice)
        refused = read_again(reader).verdict(principal)
    assert refused is not None and refused.code == "token_stale"


def test_over_http_api_tokens_too(alice: Any, issued: Any) -> None:
    token, _ = create_token(alice, "backup")

    def ask(credential: str) -> tuple[int, str | None]:
        answer = APIClient().get("/protected/", headers={"Authorization": credential})
        return answer.status_code, answer.json().get("code")

    access, script = f"Bearer {issued.access}", f"Token {token}"
    assert (ask(access)[0], ask(script)[0]) == (200, 200)
    update_password(alice)
    eventually(lambda: ask(access) == (401, "token_stale"))
    assert ask(script)[0] == 200  # it is not of the password
    update_active(alice)
    eventually(lambda: ask(script) == (401, "user_inactive"))


def test_many_at_once(alice: Any) -> None:
    others = [new_user(f"user{i}") for i in range(30)]
    signed_in = [log_in(user.username) for user in others[:3]]
    get_user_model()._base_manager.exclude(pk=alice.pk).update(is_active=False)
    assert sorted(written()) == sorted((str(user.pk), 1, True) for user in others)
    for one in signed_in:
        assert one is not None
        assert refusal(one.access) == "token_stale"
    get_user_model()._base_manager.update(is_active=True)
    assert [epoch_of(user) for user in [alice, *others]] == [None, *[2] * 30]


def test_a_save_that_signals_may_say_it_twice(alice: Any, issued: Any) -> None:
    alice.set_password(NEW_PASSWORD)
    alice.save()
    assert [row[0] for row in written()] == [str(alice.pk)] * 2
    assert epoch_of(alice) == 2
    assert code(refresh(issued.refresh)) == "token_revoked"
    successor = log_in(password=NEW_PASSWORD)
    assert successor is not None
    assert_lives(successor)


def test_deleting_as_django_does(alice: Any, issued: Any) -> None:
    alice.delete()
    assert {row[0] for row in written()} == {str(issued.session.user.pk)}
    assert refusal(issued.access) == "token_stale"


# Locks


def waiting() -> int:
    statement = {
        "postgresql": "SELECT COUNT(*) FROM pg_locks WHERE NOT granted",
        "mysql": "SELECT variable_value FROM information_schema.global_status "
        "WHERE variable_name = 'Innodb_row_lock_current_waits'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


@pytest.mark.databases("postgres", "mariadb")
def test_nobody_deadlocks_with_a_logout_everywhere(alice: Any, issued: Any) -> None:
    """Both take the sessions before the epoch: a password change in a transaction goes on to end them."""
    with actors(2) as (changes, logs_out):
        changes.begin()
        changes.do(partial(update_password, alice))
        everywhere = logs_out.start(partial(revoke_user, alice))
        eventually(waiting)
        changes.do(partial(revoke_user, alice))
        changes.commit()
        everywhere.result(20)
    assert epoch_of(alice) == 3


def test_a_refresh_after_a_stale_token_goes_on(alice: Any, issued: Any) -> None:
    """A raised epoch alone ends no session: that is what makes a re-encoded password harmless."""
    update_active(new_user("bob"))
    revoke_user(alice, keep_sessions=True)
    assert refusal(issued.access) == "token_stale"
    pass_time(issued.session.id)
    assert code(refresh(issued.refresh)) == "ok"
