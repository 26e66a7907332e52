"""The judge on histories written by hand: what it must report, and what it must not."""

from typing import Any

import pytest

from .checker import Circumstances, Interval, check
from .history import Operation, from_line, to_line

CALM = Circumstances(lease=1.0)


def op(kind: str, start: float, end: float, status: int = 200, **values: Any) -> Operation:
    defaults: dict[str, Any] = {"user": 1, "worker": 0, "session": "s"}
    return Operation(kind=kind, start=start, end=end, status=status, **{**defaults, **values})


LOGIN = op("login", 0.0, 0.1, issued="t")
LOGOUT = op("logout", 1.0, 1.1, 204)


def call(start: float, status: int = 200, code: str = "", **values: Any) -> Operation:
    return op("call", start, start + 0.01, status, code=code, **{"token": "t", **values})


def refused(start: float, code: str = "token_revoked", **values: Any) -> Operation:
    return call(start, 401, code, **values)


def rules(*history: Operation, circumstances: Circumstances = CALM) -> list[str]:
    return [finding.rule for finding in check(history, circumstances).findings]


@pytest.mark.parametrize(("started", "found"), [(0.5, []), (1.05, []), (2.09, []), (2.11, ["accepted_after_revoke"])])
def test_an_accept_after_the_lease(started: float, found: list[str]) -> None:
    assert rules(LOGIN, LOGOUT, call(started)) == found


def test_the_worst_acceptance_is_measured_from_the_end_of_the_revocation() -> None:
    verdict = check([LOGIN, LOGOUT, call(1.05), call(1.6), call(1.3)], CALM)
    assert max(late for late, _ in verdict.late_accepts) == pytest.approx(0.5)
    assert len(verdict.late_accepts) == 2


def test_a_revoked_answer_before_any_revoke() -> None:
    early, begun = refused(0.5), refused(0.995)
    assert rules(LOGIN, early, LOGOUT) == ["revoked_before_revoke", "extra_401"]
    assert rules(LOGIN, begun, LOGOUT) == []  # its answer came after the revocation had begun
    assert rules(LOGIN, LOGOUT, refused(1.05)) == []


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_revoke_of_unknown_outcome_allows_either(status: int) -> None:
    unknown = op("logout", 1.0, 6.0, status)
    assert rules(LOGIN, unknown, call(9.0)) == []
    assert rules(LOGIN, refused(1.5), unknown) == []
    assert rules(LOGIN, refused(0.5), unknown) == ["revoked_before_revoke", "extra_401"]


def test_a_revoke_that_was_refused_revokes_nothing() -> None:
    failed = op("logout_all", 1.0, 1.1, 401, code="token_stale", token="t", session="s")
    role = op("role", 0.5, 0.6)
    assert rules(LOGIN, role, failed, refused(3.0, "token_stale")) == []
    assert rules(LOGIN, role, failed, refused(3.0)) == ["revoked_before_revoke", "extra_401"]


@pytest.mark.parametrize("kind", ["logout_all", "password_change", "disable", "role"])
def test_what_makes_a_users_tokens_stale(kind: str) -> None:
    change = op(kind, 1.0, 1.1, session="other")
    new = op("login", 1.2, 1.3, session="s2", issued="t2")
    assert rules(LOGIN, change, new, call(2.0), refused(2.2, "token_stale")) == []
    assert rules(LOGIN, change, new, call(2.2)) == ["accepted_after_revoke"]
    assert rules(LOGIN, change, new, call(5.0, token="t2", session="s2")) == []
    late = refused(5.0, "token_stale", token="t2", session="s2")
    assert rules(LOGIN, change, new, late) == ["revoked_before_revoke", "extra_401"]


def test_a_token_issued_while_it_happened_may_be_either() -> None:
    change = op("disable", 1.0, 1.5)
    meanwhile = op("login", 1.2, 1.3, session="s2", issued="t2")
    for answer in (call(5.0, token="t2", session="s2"), refused(5.0, "token_stale", token="t2", session="s2")):
        assert rules(change, meanwhile, answer) == []


def test_another_user_and_another_session_are_nothing_to_it() -> None:
    other = op("login", 0.0, 0.1, session="s2", issued="t2")
    assert rules(LOGIN, other, LOGOUT, call(5.0, token="t2", session="s2")) == []
    assert "revoked_before_revoke" in rules(LOGIN, other, LOGOUT, refused(5.0, token="t2", session="s2"))
    stale = refused(5.0, "token_stale", user=2)
    assert "revoked_before_revoke" in rules(op("disable", 1.0, 1.1), stale)


def refresh(start: float, parent: str, successor: str = "", status: int = 200, **values: Any) -> Operation:
    return op("refresh", start, start + 0.01, status, parent=parent, successor=successor, **values)


def test_two_successors_of_one_parent() -> None:
    assert rules(refresh(1, "a", "b"), refresh(1, "a", "b"), refresh(1, "a", "a")) == []
    assert rules(refresh(1, "a", "b"), refresh(1, "a", "c")) == ["two_successors"]


def test_a_refresh_after_the_session_has_ended() -> None:
    assert rules(LOGIN, LOGOUT, refresh(1.05, "a", "b")) == []
    assert rules(LOGIN, LOGOUT, refresh(1.2, "a", "b")) == ["refreshed_after_revoke"]
    spared = op("password_change", 1.0, 1.1)
    assert rules(LOGIN, spared, refresh(1.2, "a", "b")) == []
    assert rules(LOGIN, op("password_change", 1.0, 1.1, session="x"), refresh(1.2, "a", "b")) == [
        "refreshed_after_revoke"
    ]
    assert rules(LOGIN, op("role", 1.0, 1.1), refresh(1.2, "a", "b")) == []


def test_a_replay_ends_the_session() -> None:
    first = refresh(0.5, "a", "b")
    replay = op("replay", 1.0, 1.1, 401, code="refresh_reused", parent="a")
    assert rules(LOGIN, first, replay, refused(1.5)) == []
    assert rules(LOGIN, first, replay, call(2.2)) == ["accepted_after_revoke"]


def test_a_replay_that_nobody_made_is_a_false_logout() -> None:
    reused = refresh(2.0, "b", status=401, code="refresh_reused")
    assert rules(LOGIN, reused) == ["extra_401"]
    assert rules(LOGIN, refresh(1.0, "b", "c"), reused) == []  # a twin without a key, too late for the grace
    with_key = refresh(2.0, "b", status=401, code="refresh_reused", key="k")
    assert rules(LOGIN, refresh(1.0, "b", status=0, key="k"), with_key) == ["extra_401"]


def test_an_unanswered_refresh_may_end_the_session_later() -> None:
    assert rules(LOGIN, refresh(1.0, "a", status=0), refused(9.0)) == []


@pytest.mark.parametrize("code", ["token_invalid", "token_malformed", "user_inactive", "invalid_credentials"])
def test_a_refusal_without_a_cause(code: str) -> None:
    assert rules(LOGIN, refused(0.5, code)) == ["extra_401"]


def test_other_refusals_are_never_expected() -> None:
    assert rules(LOGIN, call(0.5, 429, "throttled")) == ["unexpected"]


def test_a_worker_whose_clock_is_wrong() -> None:
    moved = Circumstances(lease=1.0, moved_clocks=[Interval(start=1.0, end=5.0, worker=3)])
    for code in ("token_expired", "token_stale"):
        assert rules(LOGIN, refused(2.0, code, worker=3), circumstances=moved) == []
        assert "extra_401" in rules(LOGIN, refused(2.0, code, worker=2), circumstances=moved)
        assert "extra_401" in rules(LOGIN, refused(6.0, code, worker=3), circumstances=moved)
    assert "extra_401" in rules(LOGIN, refused(2.0, "token_revoked", worker=3), circumstances=moved)
    # It never excuses an accept.
    assert rules(LOGIN, LOGOUT, call(2.2, worker=3), circumstances=moved) == ["accepted_after_revoke"]
    # What it issues is refused elsewhere, also afterwards.
    wrong = op("login", 2.0, 2.1, session="s2", issued="t2", worker=3)
    assert rules(wrong, refused(9.0, "token_expired", token="t2", session="s2"), circumstances=moved) == []


def test_lost_commits_come_back_within_two_leases() -> None:
    lost = Circumstances(lease=1.0, lost_commits=[Interval(start=0.5, end=3.0)])
    assert rules(LOGIN, LOGOUT, call(4.9), circumstances=lost) == []
    assert rules(LOGIN, LOGOUT, call(5.1), circumstances=lost) == ["accepted_after_revoke"]
    assert rules(LOGIN, LOGOUT, refresh(4.0, "a", "b"), circumstances=lost) == []
    assert rules(LOGIN, LOGOUT, refresh(5.1, "a", "b"), circumstances=lost) == ["refreshed_after_revoke"]
    opened = op("login", 1.0, 1.1, issued="t")
    assert rules(opened, refresh(9.0, "a", status=401, code="token_invalid"), circumstances=lost) == []
    assert rules(LOGIN, refresh(9.0, "a", status=401, code="token_invalid"), circumstances=lost) == ["extra_401"]


def test_a_refresh_token_says_nothing_once_the_secret_of_its_session_is_lost() -> None:
    lost = Circumstances(lease=1.0, lost_commits=[Interval(start=0.0, end=3.0)])
    by_refresh = op("logout_by_refresh", 4.0, 4.1, 204)
    assert rules(LOGIN, by_refresh, call(6.0), circumstances=lost) == []
    assert rules(LOGIN, by_refresh, call(6.0)) == ["accepted_after_revoke"]
    by_access = op("logout", 4.0, 4.1, 204)
    assert rules(LOGIN, by_access, call(6.0), circumstances=lost) == ["accepted_after_revoke"]


def test_a_line_of_the_log_is_read_as_it_was_written() -> None:
    assert from_line(to_line(LOGIN)) == LOGIN
