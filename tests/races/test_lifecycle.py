"""The refresh lifecycle over time, on each database: the grace helps a client, and never a thief."""

from typing import Any

from drf_lanyard.core.model import Issued
from drf_lanyard.models import Session

from .steps import Act
from .world import HOUR, assert_dead, assert_lives, code, pass_time, refresh

GRACE = 10.0


def rotate(token: str, issued: Issued, key: str | None = None) -> Issued:
    pass_time(issued.session.id)
    outcome = refresh(token, key)
    assert isinstance(outcome, Issued) and outcome.refresh != token
    return outcome


def test_a_grandparent_inside_the_grace_ends_the_session(issued: Issued) -> None:
    second = rotate(issued.refresh, issued)
    third = rotate(second.refresh, issued)
    pass_time(issued.session.id, GRACE - 5)
    assert code(refresh(issued.refresh)) == "refresh_reused"
    assert_dead(issued, second, third)


def test_the_same_idempotency_key_does_not_save_a_grandparent(issued: Issued) -> None:
    second = rotate(issued.refresh, issued, "key")
    third = rotate(second.refresh, issued, "key")
    assert code(refresh(issued.refresh, "key")) == "refresh_reused"
    assert_dead(issued, second, third)


def test_the_grace_never_forks_the_chain(issued: Issued) -> None:
    second = rotate(issued.refresh, issued)
    for token in (issued.refresh, second.refresh, issued.refresh, second.refresh):
        outcome = refresh(token)
        assert isinstance(outcome, Issued) and outcome.refresh == second.refresh
    assert Session.objects.get(pk=issued.session.id).counter == 1


def test_repeats_do_not_prolong_the_grace(issued: Issued) -> None:
    second = rotate(issued.refresh, issued)
    pass_time(issued.session.id, GRACE / 2)
    assert code(refresh(issued.refresh)) == "ok"
    pass_time(issued.session.id, GRACE / 2)
    assert code(refresh(issued.refresh)) == "refresh_reused"
    assert_dead(issued, second)


def test_the_grace_does_not_revive_a_dead_session(issued: Issued, alice: Any) -> None:
    second = rotate(issued.refresh, issued)
    alice.set_password("looking glass")
    alice.save()
    for token in (issued.refresh, second.refresh):
        assert code(refresh(token)) == "token_revoked"
    assert_dead(issued, second)


def test_the_idempotency_key_does_not_revive_a_dead_session(issued: Issued) -> None:
    second = rotate(issued.refresh, issued, "key")
    pass_time(issued.session.id)
    assert code(refresh(issued.refresh)) == "refresh_reused"
    assert code(refresh(issued.refresh, "key")) == "token_revoked"
    assert_dead(issued, second)


def test_with_the_idempotency_key_a_lost_answer_is_repeated_at_any_age(issued: Issued) -> None:
    second = rotate(issued.refresh, issued, "key")
    pass_time(issued.session.id, 24 * HOUR)
    repeated = refresh(issued.refresh, "key")
    assert isinstance(repeated, Issued) and repeated.refresh == second.refresh
    assert_lives(rotate(second.refresh, issued, "next key"))


def test_once_the_successor_is_used_the_key_saves_nothing(issued: Issued) -> None:
    second = rotate(issued.refresh, issued, "key")
    third = rotate(second.refresh, issued, "next key")
    pass_time(issued.session.id)
    assert code(refresh(issued.refresh, "key")) == "refresh_reused"
    assert_dead(issued, second, third)


def test_a_replay_within_the_same_second(issued: Issued) -> None:
    """Times in tokens are whole seconds, counters are not: what came later is known even then."""
    tokens = [issued]
    for _ in range(3):
        assert Session.objects.filter(pk=issued.session.id).update(rotated_at=tokens[-1].session.now - GRACE) == 1
        outcome = refresh(tokens[-1].refresh)
        assert isinstance(outcome, Issued)
        tokens.append(outcome)
    assert len({each.refresh for each in tokens}) == len({each.access for each in tokens}) == 4
    assert code(refresh(tokens[1].refresh)) == "refresh_reused"
    assert_dead(*tokens)


def test_who_loses_the_race_leaves_the_winners_key_alone(issued: Issued) -> None:
    """Otherwise the winner, whose answer got lost, would come back with a key that nobody knows."""
    pass_time(issued.session.id)
    loser = Act(lambda: refresh(issued.refresh, "loser"), 1).start()
    winner = refresh(issued.refresh, "winner")
    assert isinstance(winner, Issued)
    outcome = loser.finish()
    assert isinstance(outcome, Issued) and outcome.refresh == winner.refresh
    pass_time(issued.session.id)
    repeated = refresh(issued.refresh, "winner")
    assert isinstance(repeated, Issued) and repeated.refresh == winner.refresh


def test_a_refresh_that_slept_does_not_turn_the_chain_back(issued: Issued) -> None:
    """Stopped before its swap for so long that two others came: its token is an old one now."""
    pass_time(issued.session.id)
    sleeper = Act(lambda: refresh(issued.refresh), 1).start()
    second = refresh(issued.refresh)
    assert isinstance(second, Issued)
    third = rotate(second.refresh, issued)
    assert code(sleeper.finish()) == "refresh_reused"
    assert Session.objects.get(pk=issued.session.id).counter == 2
    assert_dead(issued, second, third)


def test_a_session_whose_row_is_gone_stays_dead(issued: Issued) -> None:
    second = rotate(issued.refresh, issued)
    Session.objects.get(pk=issued.session.id).delete()
    assert code(refresh(second.refresh)) == "token_invalid"
    assert_dead(issued, second)


def test_a_forged_token_with_a_known_id_changes_nothing(issued: Issued) -> None:
    """Otherwise whoever has seen an id, in a list of devices or a log, could sign its owner out."""
    from drf_lanyard.wiring import get_lanyard

    second = rotate(issued.refresh, issued)
    pass_time(issued.session.id)
    before = Session.objects.filter(pk=issued.session.id).values().get()
    for counter in (0, 1, 2):
        forged = get_lanyard().refresh_tokens.derive(issued.session.id, "not the secret", counter)
        assert code(refresh(forged)) == code(refresh(forged, "key")) == "token_invalid"
    assert Session.objects.filter(pk=issued.session.id).values().get() == before
    assert_lives(second)
