"""A failover or a restore takes the newest commits away. Nobody who was thrown out may come in again by it."""

from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from drf_lanyard import revoke_session, revoke_user
from drf_lanyard.core.errors import TokenRevoked, TokenStale
from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.core.reader import Reader
from drf_lanyard.models import Revocation, RevocationHead, Session, UserEpoch
from drf_lanyard.wiring import get_lanyard

from .kit import a_log, a_reader, a_user, append, eventually, principal, read_again, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
#: Seconds; each `fresh` after it has passed is a read.
LEASE = 0.02


@transaction.atomic  # at once: readers that are busy give back what they miss
def lose_commits(*, after: int) -> None:
    """What the new primary looks like: as if nothing had been committed after this position."""
    Revocation.objects.filter(position__gt=after).delete()
    Revocation.objects.filter(position=None).delete()
    RevocationHead.objects.update(position=after)
    UserEpoch.objects.update(epoch=F("epoch") - 1)
    Session.objects.update(revoked_at=None, revoked_reason="")


def verdicts(reader: Reader, *tokens: str) -> list[Any]:
    snapshot = read_again(reader)
    return [snapshot.verdict(get_lanyard().access.verify(token, get_lanyard().clock.time())) for token in tokens]


def settle(*readers: Reader) -> None:
    """Every reader has read, and everything has a position."""
    for reader in readers:
        read_again(reader)
    eventually(lambda: read_again(readers[0]) and not Revocation.objects.filter(position=None).exists())


@pytest.fixture
def story() -> dict[str, Any]:
    """Alice's session and all of bob's tokens are dead; carol has nothing to do with it."""
    alice, bob, carol = (a_user(name) for name in ("alice", "bob", "carol"))
    tokens = [signed_in(user).access for user in (alice, bob, carol)]
    append()  # position 1 survives
    with a_log() as log:
        log.sequence()
        revoke_session(Session.objects.get(user=alice))
        revoke_user(bob)
        log.sequence()
    return {"tokens": tokens, "users": (alice, bob, carol)}


@pytest.mark.parametrize("another_takes_the_position", [False, True])
def test_the_revoked_stays_revoked_and_users_can_sign_in(
    story: dict[str, Any], another_takes_the_position: bool
) -> None:
    dead = [TokenRevoked, TokenStale, None]
    with a_reader(lease=LEASE) as one, a_reader(lease=LEASE) as two, a_reader(lease=LEASE) as three:
        assert verdicts(one, *story["tokens"]) == verdicts(two, *story["tokens"]) == dead
        settle(one, two)
        with transaction.atomic():  # at once: both readers are busy
            lose_commits(after=1)
            newcomers = [append(position=2), append(position=3)] if another_takes_the_position else []
            RevocationHead.objects.update(position=1 + len(newcomers))
        # Those who remember never let go of anything, from the first read on.
        assert verdicts(one, *story["tokens"]) == dead
        assert verdicts(two, *story["tokens"]) == dead
        settle(one)
        # A process that never knew finds it in the log.
        assert verdicts(three, *story["tokens"]) == dead
        assert set(newcomers) <= read_again(one).dead & read_again(two).dead & read_again(three).dead
        # And everybody can sign in: no epoch is left behind what the processes remember.
        again = [signed_in(user).access for user in story["users"]]
        for reader in (one, two, three):
            assert verdicts(reader, *again) == [None, None, None]


def applied(reader: Reader, entry: Entry) -> bool:
    """A process adds what it has committed while its snapshot is fresh, which with so short a lease it may not be."""
    reader.fresh()
    reader.add([entry])
    return True


def test_each_process_gives_back_what_only_it_remembers(story: dict[str, Any]) -> None:
    """Revocations of its own that were committed, applied at once, and lost before anybody else has read them."""
    with a_reader(lease=LEASE) as one, a_reader(lease=LEASE) as two:
        settle(one, two)
        mine, yours = Entry(uid=1, credential=17), Entry(uid=2, subject="99", epoch=5)
        eventually(lambda: applied(one, mine) and 17 in one.snapshot.dead)
        eventually(lambda: applied(two, yours) and "99" in two.snapshot.epochs)
        lose_commits(after=1)
        settle(one, two)
        with a_reader(lease=LEASE) as three:
            for reader in (one, two, three):
                snapshot = read_again(reader)
                assert (17 in snapshot.dead, snapshot.epochs["99"]) == (True, 5)
    assert UserEpoch.objects.get(pk=99).epoch == 5


def test_restoring_is_done_once_and_not_for_ever(story: dict[str, Any]) -> None:
    with a_reader(lease=LEASE) as one, a_reader(lease=LEASE) as two:
        settle(one, two)
        lose_commits(after=1)
        settle(one, two)
        count = Revocation.objects.count()
        assert 3 <= count <= 1 + 2 * 2  # each of two processes gave back two entries at most
        for _ in range(3):
            settle(one, two)
        assert Revocation.objects.count() == count


def test_without_a_loss_nothing_is_read_twice(story: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each poll begins at the newest entry, and finding it there is what says that nothing was lost."""
    asked: list[int] = []
    with a_reader(lease=LEASE) as one:
        settle(one)
        read = one.log.read

        def spy(position: int) -> LogRead:
            asked.append(position)
            return read(position)

        monkeypatch.setattr(one.log, "read", spy)
        for _ in range(3):
            read_again(one)
    assert len(asked) >= 3
    assert set(asked) == {3}


def test_an_emptied_log_is_filled_again(story: dict[str, Any]) -> None:
    """The head row is gone as well, so positions begin anew."""
    with a_reader(lease=LEASE) as one:
        before = set(read_again(one).dead)
        lose_commits(after=0)
        RevocationHead.objects.all().delete()
        settle(one)
        with a_reader(lease=LEASE) as two:
            assert read_again(two).dead >= before >= set()


def test_what_was_given_back_is_forgotten_no_sooner_than_it_may(
    story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restored entries stand beside older ones in memory, and must not go when those are forgotten."""
    from drf_lanyard.core import revocation
    from drf_lanyard.stores.orm_log import prune

    monkeypatch.setattr(revocation, "BUCKET", 3)
    with a_log() as log:
        for _ in range(4):  # positions 4 to 7
            append()
            log.sequence()
        recent = append()
        log.sequence()  # position 8
    with a_reader(lease=LEASE) as one:
        assert recent in read_again(one).dead
        lose_commits(after=7)
        settle(one)
        assert recent in _logged()
        Revocation.objects.filter(position__lte=7).update(forget_at=0.0)
        assert prune("default", batch=100) == 7
        assert read_again(one).verdict(principal(recent)) is TokenRevoked


def _logged() -> set[int]:
    rows = Revocation.objects.exclude(credential="").values_list("credential", flat=True)
    return {int(credential, 16) for credential in rows}
