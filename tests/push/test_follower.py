"""The follower on scripted channels: what it hears, how it loses and finds its server, how it begins and ends."""

import gc
import itertools
import logging
import os
import threading
import weakref
from collections.abc import Iterator

import pytest

from drf_lanyard.core.follower import BACKOFF, HEARTBEAT, Follower
from drf_lanyard.core.messages import WAKE, Messages
from drf_lanyard.core.model import Entry

from ..core.clocks import FakeClock
from ..fleet.kit import DEADLINE, eventually
from .scripted import MESSAGES, SUBSCRIBED, Ears, Line, ScriptedChannel, following, push_threads, said


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    eventually(lambda: not push_threads())


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """From what the length of each pause was drawn; none of them is waited for."""
    drawn: list[tuple[float, float]] = []

    def draw(least: float, most: float) -> float:
        drawn.append((least, most))
        return 0.0

    monkeypatch.setattr("drf_lanyard.core.follower.random.uniform", draw)
    return drawn


# Hearing


def test_nothing_happens_before_the_first_request() -> None:
    line = Line(AssertionError())
    Follower(line, MESSAGES, FakeClock()).close()
    assert line.attempts == 0


def test_what_is_said_is_added() -> None:
    ears = Ears()
    with following(Line(ScriptedChannel(SUBSCRIBED, [said(1, 2), said(3)], [said(4)])), ears) as follower:
        eventually(lambda: len(ears.entries) == 4)
        assert ears.credentials == [1, 2, 3, 4]
        assert (follower.received, ears.hints) == (3, 1)


def test_wake_is_a_hint() -> None:
    ears = Ears()
    with following(Line(ScriptedChannel(SUBSCRIBED, [WAKE], [WAKE])), ears) as follower:
        eventually(lambda: ears.hints == 3)
        assert (ears.entries, follower.received) == ([], 2)


def test_what_others_write_is_passed_over() -> None:
    """And hurts neither the connection nor what comes with it."""
    ears, other = Ears(), Messages([b"another key of thirty-two bytes.."])
    forged = ["", "x", other.encode([Entry(uid=1, credential=666)]), said(1)[:-2], "é\ufffd" * 20]
    channel = ScriptedChannel(SUBSCRIBED, [*forged[1:], said(1)], forged[1:], [said(2)])
    line = Line(channel)
    with following(line, ears) as follower:
        eventually(lambda: 2 in ears.credentials)
        assert ears.credentials == [1, 2]
        assert (follower.received, ears.hints, line.attempts, channel.closed) == (2, 1, 1, 0)


def test_a_message_of_another_version_is_passed_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from drf_lanyard.core import messages

    from .scripted import KEY

    newer = messages._tag(KEY, b'{"v":2}') + '{"v":2}'
    ears, line = Ears(), Line(ScriptedChannel(SUBSCRIBED, [newer], [said(1)]))
    with following(line, ears):
        eventually(lambda: ears.credentials == [1])
        assert line.attempts == 1


# Subscribed


def test_connected_is_who_was_told_so() -> None:
    """What is said between our asking for it and the server's doing it does not arrive."""
    ears, told = Ears(), threading.Event()

    def subscribe() -> list[str]:
        assert told.wait(DEADLINE)
        return SUBSCRIBED

    channel = ScriptedChannel(subscribe)
    with following(Line(channel), ears) as follower:
        eventually(lambda: channel.timeouts)
        assert (follower.connected, ears.hints) == (False, 0)
        told.set()
        eventually(lambda: follower.connected and ears.hints == 1)
    assert not follower.connected


def test_a_hint_after_every_connection(pauses: object) -> None:
    ears = Ears()
    channels = [ScriptedChannel(SUBSCRIBED, [said(n)], OSError()) for n in (1, 2)]
    last = ScriptedChannel(SUBSCRIBED)
    with following(Line(*channels, last), ears):
        eventually(lambda: ears.hints == 3)
        assert ears.order == ["hint", "add", "hint", "add", "hint"]
        assert [one.closed for one in channels] == [1, 1]


def test_a_refusal_is_no_connection_and_is_told_once(pauses: object, caplog: pytest.LogCaptureFixture) -> None:
    """A standby lets everybody in and refuses LISTEN; Redis may refuse SUBSCRIBE."""
    refused = [ScriptedChannel(ConnectionError("refused")) for _ in range(5)]
    ears, back = Ears(), ScriptedChannel(SUBSCRIBED)
    with caplog.at_level(logging.INFO, "drf_lanyard"), following(Line(*refused, back), ears) as follower:
        eventually(lambda: follower.connected and ears.hints == 1)
    assert [record.getMessage().split(" ")[2] for record in caplog.records] == ["lost", "back."]


# Signs of life


def test_silence_is_asked_about_and_then_given_up(pauses: object, caplog: pytest.LogCaptureFixture) -> None:
    ears = Ears()
    quiet = ScriptedChannel(SUBSCRIBED, None, [], None, None)
    with following(Line(quiet, ScriptedChannel(SUBSCRIBED)), ears):
        eventually(lambda: ears.hints == 2)
    assert (quiet.pings, quiet.closed, quiet.timeouts) == (2, 1, [HEARTBEAT] * 5)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "TimeoutError" in caplog.records[0].getMessage()


def test_a_server_that_never_says_that_we_are_subscribed_is_given_up(pauses: object) -> None:
    ears, mute = Ears(), ScriptedChannel(None, None)
    with following(Line(mute, ScriptedChannel(SUBSCRIBED)), ears):
        eventually(lambda: ears.hints == 1)
    assert (mute.pings, mute.closed) == (1, 1)


def test_messages_are_signs_of_life(pauses: object) -> None:
    ears = Ears()
    channel = ScriptedChannel(SUBSCRIBED, None, [said(1)], None, [said(2)], None, ["forged"], None, [])
    line = Line(channel)
    with following(line, ears):
        eventually(lambda: not channel.script)
        assert (ears.credentials, line.attempts, channel.pings) == ([1, 2], 1, 4)


# Backoff


def test_attempts_become_rarer_up_to_a_limit_and_each_is_random(pauses: list[tuple[float, float]]) -> None:
    ears = Ears()
    with following(Line(*[OSError()] * 20, ScriptedChannel(SUBSCRIBED)), ears):
        eventually(lambda: ears.hints)
        limits = [limit for _, limit in pauses]
    first, most = BACKOFF
    assert {least for least, _ in pauses} == {0}
    assert limits == sorted(limits) and len(limits) == 20
    assert limits[0] <= 2 * first and limits[-1] == limits[-2] == most
    assert all(after <= 2 * before for before, after in itertools.pairwise(limits))


def test_a_server_that_throws_us_out_again_is_backed_off_from_too(pauses: list[tuple[float, float]]) -> None:
    """It lets us in, says that we are subscribed, and ends the connection: a proxy without its server, a full one."""
    ears = Ears()
    flapping = [ScriptedChannel(SUBSCRIBED, OSError()) for _ in range(10)]
    with following(Line(*flapping, ScriptedChannel(SUBSCRIBED)), ears):
        eventually(lambda: ears.hints == 11)
        assert pauses[-1][1] == BACKOFF[1]


def test_after_a_good_connection_the_first_attempt_is_quick_again(pauses: list[tuple[float, float]]) -> None:
    ears, clock = Ears(), FakeClock()

    def later() -> list[str]:
        clock.advance(60)
        return []

    good = ScriptedChannel(SUBSCRIBED, later, OSError())
    with following(Line(*[OSError()] * 10, good, ScriptedChannel(SUBSCRIBED)), ears, clock):
        eventually(lambda: ears.hints == 2)
        assert (pauses[-2][1], pauses[-1][1]) == (BACKOFF[1], BACKOFF[0])


def test_the_pause_lasts_as_long_as_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock that was given: here it stands, so nothing is tried again however long the test takes."""
    monkeypatch.setattr("drf_lanyard.core.follower.random.uniform", lambda least, most: 0.02)
    clock, line = FakeClock(), Line(OSError())
    looks = 0
    steady = clock.steady

    def looked() -> float:
        nonlocal looks
        looks += 1
        return steady()

    clock.steady = looked  # type: ignore[method-assign]
    with following(line, Ears(), clock):
        eventually(lambda: looks > 6)  # it has waited several times 0.02 s and looked at the clock in between
        assert line.attempts == 1
        clock.advance(1)
        eventually(lambda: line.attempts == 2)


def test_an_audience_that_fails_is_survived(pauses: object) -> None:
    class Deaf(Ears):
        def add(self, entries: object) -> None:
            raise ZeroDivisionError

    ears, line = Deaf(), Line(ScriptedChannel(SUBSCRIBED, [said(1)]), ScriptedChannel(SUBSCRIBED))
    with following(line, ears):
        eventually(lambda: ears.hints == 2)


# What is logged


def test_one_line_when_lost_one_when_back_and_no_secret(pauses: object, caplog: pytest.LogCaptureFixture) -> None:
    secret = OSError("redis://:hunter2@127.0.0.1 refused")
    ears, last = Ears(), ScriptedChannel(SUBSCRIBED)
    with following(Line(*[secret] * 7, ScriptedChannel(SUBSCRIBED, secret), secret, last), ears):
        eventually(lambda: ears.hints == 2)
    assert [record.getMessage() for record in caplog.records] == [
        "Push is lost (OSError); revocations arrive by reading the log until it is back.",
        "Push is back.",
    ] * 2
    assert "hunter2" not in caplog.text


def test_resting_is_no_loss(caplog: pytest.LogCaptureFixture) -> None:
    with following(Line(ScriptedChannel(SUBSCRIBED)), ears := Ears()) as follower:
        eventually(lambda: ears.hints)
        follower.rest()
        eventually(lambda: not push_threads())
    assert caplog.records == []


# Beginning and ending


def test_following_twice_is_following_once() -> None:
    line, ears = Line(ScriptedChannel(SUBSCRIBED)), Ears()
    with following(line, ears) as follower:
        eventually(lambda: ears.hints)
        for _ in range(100):
            follower.follow(ears)
        assert (line.attempts, len(push_threads())) == (1, 1)


def test_many_who_begin_at_once_begin_one_thread() -> None:
    """A reader's thread that was given up, and the one that took over."""
    channels: list[ScriptedChannel] = []

    def connect() -> ScriptedChannel:
        channels.append(ScriptedChannel(SUBSCRIBED))
        return channels[-1]

    follower, ears, gate = Follower(connect, MESSAGES, FakeClock()), Ears(), threading.Barrier(8)

    def begin() -> None:
        gate.wait()
        follower.follow(ears)

    callers = [threading.Thread(target=begin) for _ in range(8)]
    try:
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        eventually(lambda: ears.hints)
        assert len(channels) == len(push_threads()) == 1
    finally:
        follower.close()


def test_whoever_lost_the_race_to_begin_sees_that_it_has_begun() -> None:
    line, ears, lock = Line(ScriptedChannel(SUBSCRIBED)), Ears(), Entrance()
    follower = Follower(line, MESSAGES, FakeClock())
    follower._lock, follower._wake = lock, threading.Condition(lock)  # type: ignore[assignment,arg-type]
    try:
        with lock:
            callers = [threading.Thread(target=follower.follow, args=(ears,)) for _ in range(2)]
            for caller in callers:
                caller.start()
            eventually(lambda: lock.arrived == 3)  # both have seen that nobody follows, and wait
        for caller in callers:
            caller.join()
        eventually(lambda: ears.hints)
        assert (line.attempts, len(push_threads())) == (1, 1)
    finally:
        follower.close()


class Entrance:
    """A lock that counts who has come to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.acquire, self.release = self._lock.acquire, self._lock.release
        self.arrived = 0

    def __enter__(self) -> None:
        self.arrived += 1
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


def test_rest_lets_go_and_follow_begins_again() -> None:
    first, second, ears = ScriptedChannel(SUBSCRIBED), ScriptedChannel(SUBSCRIBED), Ears()
    with following(Line(first, second), ears) as follower:
        eventually(lambda: follower.connected)
        follower.rest()
        assert not follower.connected
        eventually(lambda: first.closed == 1 and not push_threads())
        follower.follow(ears)
        eventually(lambda: follower.connected and ears.hints == 2)
    assert second.closed == 1


def test_rest_while_connecting_closes_what_comes_late() -> None:
    late, ears = ScriptedChannel(SUBSCRIBED), Ears()
    connecting, go_on = threading.Event(), threading.Event()

    def connect() -> ScriptedChannel:
        connecting.set()
        assert go_on.wait(DEADLINE)
        return late

    with following(Line(connect), ears) as follower:
        assert connecting.wait(DEADLINE)
        follower.rest()  # it does not wait for it
        go_on.set()
        eventually(lambda: late.closed == 1 and not push_threads())
        assert (ears.hints, late.timeouts, follower.connected) == (0, [], False)


def test_rest_and_follow_while_connecting_leave_one_connection() -> None:
    late, new, ears = ScriptedChannel(SUBSCRIBED), ScriptedChannel(SUBSCRIBED), Ears()
    connecting, go_on = threading.Event(), threading.Event()

    def connect() -> ScriptedChannel:
        connecting.set()
        assert go_on.wait(DEADLINE)
        return late

    with following(Line(connect, new), ears) as follower:
        assert connecting.wait(DEADLINE)
        follower.rest()
        follower.follow(ears)
        eventually(lambda: follower.connected)
        go_on.set()
        eventually(lambda: late.closed == 1 and len(push_threads()) == 1)
        assert (follower.connected, ears.hints, new.closed) == (True, 1, 0)


def test_rest_while_pausing_ends_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drf_lanyard.core.follower.random.uniform", lambda least, most: 10 * DEADLINE)
    line = Line(OSError())
    with following(line, Ears()) as follower:
        eventually(lambda: follower._complained)
        follower.rest()
        eventually(lambda: not push_threads())
    assert line.attempts == 1


def test_closed_is_for_good() -> None:
    line, ears = Line(ScriptedChannel(SUBSCRIBED)), Ears()
    with following(line, ears) as follower:
        eventually(lambda: ears.hints)
        follower.close()
        follower.follow(ears)
        eventually(lambda: not push_threads())
    assert line.attempts == 1


def test_no_more_threads_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise RuntimeError("can't start new thread")

    line, ears = Line(ScriptedChannel(SUBSCRIBED)), Ears()
    follower = Follower(line, MESSAGES, FakeClock())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        follower.follow(ears)
    follower.follow(ears)  # the next time there may be some
    try:
        eventually(lambda: ears.hints)
    finally:
        follower.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_has_died_is_replaced(pauses: object) -> None:
    """By a logging handler that raises, for one."""
    ears = Ears()

    def die() -> None:
        raise SystemExit

    with following(Line(die, ScriptedChannel(SUBSCRIBED)), ears) as follower:
        eventually(lambda: not push_threads())
        follower.follow(ears)
        eventually(lambda: ears.hints)


def test_nothing_is_kept_alive_once_it_is_over() -> None:
    with following(Line(ScriptedChannel(SUBSCRIBED)), ears := Ears()) as follower:
        eventually(lambda: ears.hints)
    gone = weakref.ref(follower)
    del follower
    gc.collect()
    assert gone() is None


# Forks


def test_a_child_sets_the_parents_connection_aside_and_begins_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    parents, own, ears = ScriptedChannel(SUBSCRIBED, [said(1)]), ScriptedChannel(SUBSCRIBED), Ears()
    with following(Line(parents, own), ears) as follower:
        eventually(lambda: ears.entries)
        thread = follower._thread
        parent = os.getpid()
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: parent + 1)
            follower.after_fork()
        assert (follower.connected, follower.received, follower._thread) == (False, 0, None)
        assert (parents.parked, parents.closed) == (1, 0)
        follower.follow(ears)
        eventually(lambda: ears.hints == 2)
        assert (own.parked, own.closed) == (0, 0)
        parents.interrupt()  # in a real child that thread would not exist
        assert thread is not None
        thread.join(DEADLINE)


def test_a_parent_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = ScriptedChannel(SUBSCRIBED)
    with following(Line(channel), ears := Ears()) as follower:
        eventually(lambda: ears.hints)
        follower.after_fork()
        assert (follower.connected, channel.parked) == (True, 0)
