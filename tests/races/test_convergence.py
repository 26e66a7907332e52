"""Many refreshes of one token at once: exactly one successor, and everybody gets it."""

import time
from collections import Counter
from typing import Any

import pytest

from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session
from drf_lanyard.signals import refreshed
from drf_lanyard.wiring import get_lanyard

from ..databases import TestDatabase
from .crew import Crew
from .fleet import Fleet, fleet
from .world import assert_dead, code, log_in, pass_time, refresh

ROUNDS = 20
CLIENTS = 100
#: SQLite has one writer, and those that wait for it ask again after a while: fewer, so that it stays quick.
SQLITE_ROUNDS, SQLITE_CLIENTS = 5, 20


def scale(database: TestDatabase) -> tuple[int, int]:
    return (SQLITE_ROUNDS, SQLITE_CLIENTS) if database.name == "sqlite" else (ROUNDS, CLIENTS)


def counter_of(issued: Issued) -> int:
    session = Session.objects.get(pk=issued.session.id)
    assert session.revoked_at is None
    return session.counter


def test_threads_converge_on_one_successor(issued: Issued, database: TestDatabase) -> None:
    rounds, clients = scale(database)
    token, accesses, rotations = issued.refresh, {issued.access}, list[Any]()

    def note(**what: Any) -> None:
        rotations.append(what)

    refreshed.connect(note)
    with Crew(clients) as crew:
        for number in range(rounds):
            pass_time(issued.session.id)
            outcomes: list[Any] = crew.every(lambda _, token=token: refresh(token))  # type: ignore[misc]
            assert Counter(map(code, outcomes)) == {"ok": clients}
            successors = {outcome.refresh for outcome in outcomes}
            assert len(successors) == 1 and token not in successors
            assert counter_of(issued) == number + 1
            assert len(rotations) == number + 1  # whoever lost the race wrote nothing
            (token,) = successors
            accesses |= {outcome.access for outcome in outcomes}
    assert len(accesses) == 1 + rounds * clients
    assert code(refresh(token)) == "ok"


def test_processes_converge_and_a_replay_reaches_each(issued: Issued, database: TestDatabase, settings: Any) -> None:
    processes, threads = (4, 5) if database.name == "sqlite" else (5, 20)
    tokens, accesses = [issued.refresh], [issued.access]
    with fleet(database, processes=processes, threads=threads, lanyard=settings.LANYARD) as every:
        for number in range(scale(database)[0]):
            pass_time(issued.session.id)
            answers = [answer for each in every.order("refresh", tokens[-1]) for answer in each]
            assert Counter(answer[0] for answer in answers) == {"ok": processes * threads}
            successors = {answer[1] for answer in answers}
            assert len(successors) == 1 and tokens[-1] not in successors
            assert counter_of(issued) == number + 1
            tokens += successors
            accesses += [answer[2] for answer in answers]
        assert {answer["code"] for answer in every.order("ask", accesses[-1])} == {"ok"}

        pass_time(issued.session.id)
        assert code(refresh(tokens[-2])) == "refresh_reused"
        assert_refused_everywhere(every, accesses[-1], died=time.monotonic())
        for access in (accesses[0], accesses[len(accesses) // 2]):
            assert {answer["code"] for answer in every.order("ask", access)} == {"token_revoked"}
        for token in (tokens[0], tokens[-2], tokens[-1]):
            refused = {answer[0] for each in every.order("refresh", token) for answer in each}
            assert refused == {"token_revoked"}
    assert Session.objects.get(pk=issued.session.id).revoked_reason == "refresh_reused"


def assert_refused_everywhere(every: Fleet, access: str, died: float) -> None:
    """A question that began a lease after the death is refused, however slow the machine is."""
    deadline = died + get_lanyard().policy.lease
    while True:
        answers = every.order("ask", access)
        late = [answer["code"] for answer in answers if answer["began"] > deadline]
        assert set(late) <= {"token_revoked"}
        if len(late) == len(answers):
            return


@pytest.mark.parametrize("count", [2, 30])
def test_a_replay_by_many_kills_once(issued: Issued, database: TestDatabase, count: int) -> None:
    pass_time(issued.session.id)
    second = refresh(issued.refresh)
    pass_time(issued.session.id)
    with Crew(count) as crew:
        outcomes = crew.every(lambda _: refresh(issued.refresh))
    codes = Counter(map(code, outcomes))
    assert codes["refresh_reused"] >= 1 and set(codes) <= {"refresh_reused", "token_revoked"}
    assert_dead(issued, second)


def test_present_and_old_token_at_once(issued: Issued, database: TestDatabase) -> None:
    """Whoever comes first, the replay ends the session and nothing issued meanwhile survives it."""
    clients = scale(database)[1] // 2 * 2
    pass_time(issued.session.id)
    second = refresh(issued.refresh)
    assert isinstance(second, Issued)
    pass_time(issued.session.id)
    with Crew(clients) as crew:
        outcomes = crew.every(lambda number: refresh((second if number % 2 else issued).refresh))
    assert {code(outcome) for outcome in outcomes} <= {"ok", "refresh_reused", "token_revoked"}
    # The old one may have come after the rotation of the present one, which makes it a grandparent; or before.
    assert "refresh_reused" in {code(outcome) for outcome in outcomes}
    assert_dead(issued, second, *outcomes)
    assert log_in() is not None
