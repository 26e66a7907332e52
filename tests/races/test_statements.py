"""What each operation costs, counted on every connection of the process, the library's own included."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from rest_framework.test import APIClient

from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session
from drf_lanyard.wiring import get_lanyard

from .counting import counted
from .world import PASSWORD, code, log_in, new_user, pass_time, post, refresh, refusal


@pytest.fixture(autouse=True)
def long_lease(lanyard_settings: None, settings: Any) -> None:
    """So that no machine is too slow to stay within it."""
    settings.LANYARD = {"LEASE": 600}


def test_an_authenticated_call_costs_nothing_within_the_lease(issued: Issued) -> None:
    with counted() as first:
        get_lanyard().authenticate(issued.access)
    # The reader's first read; a driver may ask something of its own when it connects.
    assert first.requests == []
    assert len([sql for sql in first.private if "lanyard_revocation" in sql]) == 1
    with counted() as found:
        for _ in range(100):
            get_lanyard().authenticate(issued.access)
    assert (found.requests, found.private, found.commits) == ([], [], 0)


def test_a_token_never_seen_before_costs_nothing_either(issued: Issued) -> None:
    get_lanyard().authenticate(issued.access)
    others = [log_in() for _ in range(3)]
    with counted() as found:
        for each in others:
            assert each is not None
            assert get_lanyard().authenticate(each.access).session_id == each.session.id
    assert (found.requests, found.private) == ([], [])


def test_an_authenticated_request_costs_nothing(issued: Issued) -> None:
    """Through Django's stack, up to a view that looks at the user's primary key."""
    client = APIClient(headers={"authorization": f"Bearer {issued.access}"})
    assert client.get("/protected/").status_code == 200
    with counted() as found:
        for _ in range(10):
            assert client.get("/protected/").json() == {"user": issued.session.user.pk}
    assert (found.requests, found.private) == ([], [])


def test_a_refused_request_costs_nothing(issued: Issued) -> None:
    get_lanyard().authenticate(issued.access)
    get_lanyard().revoke_sessions([issued.session.id], "logout")
    client = APIClient(headers={"authorization": f"Bearer {issued.access}"})
    with counted() as found:
        assert client.get("/protected/").json()["code"] == "token_revoked"
        assert APIClient().get("/protected/").status_code == 401
    assert (found.requests, found.private) == ([], [])


def test_a_refresh_is_two_statements_and_no_insert(issued: Issued) -> None:
    pass_time(issued.session.id)
    with counted() as found:
        assert code(refresh(issued.refresh)) == "ok"
    assert found.kinds() == ["SELECT", "UPDATE"]
    assert (found.private, found.control, found.commits) == ([], [], 0)


def test_a_repeat_is_one_statement(issued: Issued) -> None:
    pass_time(issued.session.id)
    assert code(refresh(issued.refresh)) == "ok"
    with counted() as found:
        assert code(refresh(issued.refresh)) == "ok"
    assert found.kinds() == ["SELECT"]
    assert (found.private, found.control, found.commits) == ([], [], 0)


def test_refresh_and_repeat_over_http_cost_the_same(issued: Issued) -> None:
    pass_time(issued.session.id)
    with counted() as found:
        assert post("refresh/", {"refresh": issued.refresh})[0] == 200
    assert found.kinds() == ["SELECT", "UPDATE"]
    with counted() as found:
        assert post("refresh/", {"refresh": issued.refresh})[0] == 200
    assert found.kinds() == ["SELECT"]
    assert (found.private, found.control) == ([], [])


def test_a_refusal_that_ends_nothing_is_one_statement(issued: Issued) -> None:
    get_lanyard().revoke_sessions([issued.session.id], "logout")
    with counted() as found:
        assert code(refresh(issued.refresh)) == "token_revoked"
        assert code(refresh(issued.refresh[:-4] + "AAAA")) == "token_invalid"
        assert code(refresh("garbage")) == "token_malformed"
    assert found.kinds() == ["SELECT", "SELECT"]


@pytest.mark.parametrize("over_http", [False, True])
def test_a_sign_in_is_at_most_four_with_djangos_own(over_http: bool, alice: Any) -> None:
    """Django reads the user and stores `last_login`; ours are the locked read and the insert, in one transaction."""
    if over_http:  # the endpoint and its throttle have whatever they load once
        assert post("login/", {"username": "alice", "password": PASSWORD})[0] == 200
    with counted() as found:
        if over_http:
            assert post("login/", {"username": "alice", "password": PASSWORD})[0] == 200
        else:
            assert log_in() is not None
    assert found.kinds() == ["SELECT", "SELECT", "INSERT", "UPDATE"]
    assert "last_login" in found.requests[3]
    assert (found.private, found.commits) == ([], 1)


def test_a_sign_in_that_evicts_adds_what_eviction_needs(alice: Any, settings: Any) -> None:
    settings.LANYARD = {"LEASE": 600, "MAX_SESSIONS": 1}
    with counted() as found:
        assert log_in() is not None
    assert found.kinds() == ["SELECT", "SELECT", "SELECT", "INSERT", "UPDATE"]
    with counted() as found:
        assert log_in() is not None
    assert found.kinds().count("INSERT") == 2  # the session, and the log's line about the one that went


def test_saving_a_user_costs_one_read_only_where_something_watched_may_change(alice: Any) -> None:
    with counted() as found:
        alice.save(update_fields=["email"])
    assert found.kinds() == ["UPDATE"]
    with counted() as found:
        alice.save()
    assert found.kinds() == ["SELECT", "UPDATE"]


def test_the_number_of_statements_of_a_cause_does_not_grow_with_sessions(alice: Any) -> None:
    def cost() -> int:
        with counted() as found:
            get_lanyard().revoke_users([alice.pk], "logout_all")
        return len(found.requests)

    log_in()
    few = cost()
    for _ in range(20):
        log_in()
    assert cost() == few <= 6
    assert not Session.objects.live().exists()


def test_nor_with_the_members_of_a_group(alice: Any) -> None:
    content_type = ContentType.objects.get_for_model(Group)
    permission = Permission.objects.create(codename="something", name="something", content_type=content_type)

    def cost(size: int) -> int:
        group = Group.objects.create(name=f"group {size}")
        for number in range(size):
            new_user(f"member {size} {number}").groups.add(group)
        issued = [log_in(f"member {size} {number}") for number in range(size)]
        with counted() as found:
            group.permissions.add(permission)
        assert [refusal(each.access) for each in issued if each is not None] == ["token_stale"] * size
        return len(found.requests)

    assert cost(0) < cost(1) == cost(20)
