"""With ATOMIC_REQUESTS, through the endpoint: the same one successor, and never a 500."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections

from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session

from ..databases import TestDatabase
from .causes import NEW_PASSWORD
from .crew import Crew
from .world import PASSWORD, pass_time, post, refusal

#: Each database's default for Django, and the one in which a transaction that reads twice sees the same twice.
REPEATABLE: dict[str, Any] = {"mariadb": "repeatable read", "postgres": 3, "sqlite": None}


@pytest.fixture(params=["default", "repeatable"])
def atomic_requests(request: pytest.FixtureRequest, database: TestDatabase) -> Iterator[None]:
    """Connections are made per thread out of these settings, so the threads to come have them too."""
    shared = connections.settings["default"]
    before = dict(shared)
    shared["ATOMIC_REQUESTS"] = True
    if request.param == "repeatable" and REPEATABLE[database.name] is not None:
        shared["OPTIONS"] = {**shared["OPTIONS"], "isolation_level": REPEATABLE[database.name]}
    yield
    shared.clear()
    shared.update(before)


def patiently(path: str, body: dict[str, str], **headers: str) -> tuple[int, Any]:
    """As clients do: a 503 means that nothing has happened, and to try again.

    In REPEATABLE READ, PostgreSQL ends a transaction whose row somebody else has changed; a project that chose that
    gets 503 under such races, and nothing worse.
    """
    for _ in range(50):
        status, answer = post(path, body, **headers)
        if status != 503:
            break
        assert answer["code"] == "store_unavailable" and connection.vendor == "postgresql"
        assert "isolation_level" in connection.settings_dict["OPTIONS"]
    return status, answer


def swarm(clients: int, body: dict[str, str], **headers: str) -> list[tuple[int, Any]]:
    def act(number: int) -> tuple[int, Any]:
        assert connection.settings_dict["ATOMIC_REQUESTS"] is True
        return patiently("refresh/", body, **headers)

    with Crew(clients) as crew:
        return crew.every(act)


def clients_for(database: TestDatabase) -> int:
    return 12 if database.name == "sqlite" else 30


def test_refreshes_converge(atomic_requests: None, issued: Issued, database: TestDatabase) -> None:
    token = issued.refresh
    for number in range(5):
        pass_time(issued.session.id)
        answers = swarm(clients_for(database), {"refresh": token})
        assert Counter(status for status, _ in answers) == {200: clients_for(database)}, answers
        successors = {body["refresh"] for _, body in answers}
        assert len(successors) == 1 and token not in successors
        (token,) = successors
        session = Session.objects.get(pk=issued.session.id)
        assert (session.counter, session.revoked_at) == (number + 1, None)


def test_no_endpoint_that_writes_runs_in_a_transaction(atomic_requests: None, alice: Any, settings: Any) -> None:
    """The claims callable sees the transactions that are open: at sign-in our own short one, at a refresh none."""
    seen: list[int] = []

    def claims(user: Any, session: Any) -> dict[str, Any]:
        seen.append(len(connection.atomic_blocks))
        return {}

    def act(number: int) -> None:
        _, body = post("login/", {"username": "alice", "password": PASSWORD})
        assert post("refresh/", {"refresh": body["refresh"]})[0] == 200

    settings.LANYARD = {**settings.LANYARD, "CLAIMS": claims}
    with Crew(1) as crew:
        crew.every(act)
    assert seen == [1, 0]


def test_a_replay_is_not_rolled_back_with_its_refusal(atomic_requests: None, issued: Issued) -> None:
    pass_time(issued.session.id)
    assert post("refresh/", {"refresh": issued.refresh})[0] == 200
    pass_time(issued.session.id)
    answers = swarm(4, {"refresh": issued.refresh})
    assert {(status, body["code"]) for status, body in answers} <= {(401, "refresh_reused"), (401, "token_revoked")}
    assert "refresh_reused" in {body["code"] for _, body in answers}
    assert Session.objects.get(pk=issued.session.id).revoked_reason == "refresh_reused"
    assert refusal(issued.access) == "token_revoked"


def test_sign_ins_and_password_changes(
    atomic_requests: None, alice: Any, settings: Any, database: TestDatabase
) -> None:
    settings.LANYARD = {**settings.LANYARD, "THROTTLE": None}
    status, mine = post("login/", {"username": "alice", "password": PASSWORD})
    assert status == 200

    def act(number: int) -> tuple[int, Any]:
        if number == 3:
            body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
            return patiently("password/change/", body, authorization=f"Bearer {mine['access']}")
        return patiently("login/", {"username": "alice", "password": PASSWORD})

    with Crew(8) as crew:
        answers = crew.every(act)
    assert {status for status, _ in answers} <= {200, 401}, answers
    assert answers[3][0] == 200
    for status, body in answers[:3] + answers[4:]:
        if status == 200:
            assert refusal(body["access"]) == "token_stale"
            assert post("refresh/", {"refresh": body["refresh"]})[0] == 401
    assert refusal(answers[3][1]["access"]) == "ok"
    assert Session.objects.live().count() == 1
