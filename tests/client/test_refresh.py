"""The refresh itself: failures, Retry-After, Idempotency-Key, crashes at each step, one refresh at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from drf_lanyard.client import MemoryTokens, SignInRequired, Unavailable, UnexpectedAnswer

from .fake import API, answers, unreachable

THREADS = 16


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("fault", [unreachable, answers(429), answers(500), answers(502), answers(503)])
def test_a_failure_for_now_is_retried_with_the_same_key(server, store, auth, clock, fault):
    server.faults = [fault, fault]
    auth.refresh()
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1
    assert clock.slept == [0.5, 1.0]
    assert store.load().idempotency_key is None


@pytest.mark.parametrize("fault", [unreachable, answers(429), answers(500), answers(502), answers(503)])
def test_a_failure_that_lasts_is_surfaced_and_the_tokens_kept(server, store, auth, fault):
    before = store.load()
    server.faults = [fault] * 3
    with pytest.raises(Unavailable):
        auth.refresh()
    assert len(server.keys) == 3
    assert store.load().refresh == before.refresh
    auth.refresh()
    assert len(set(server.keys)) == 1
    assert store.load().refresh != before.refresh


@pytest.mark.parametrize(
    "fault",
    [
        answers(200, text="<html>Welcome to the hotel</html>"),
        answers(200, text='{"access": "only"}'),
        answers(302, {"Location": "https://portal.test/"}),
        answers(400),
        answers(401, text="gateway"),
        answers(403),
        answers(404),
    ],
)
def test_an_answer_from_something_else_keeps_the_tokens(server, store, auth, fault):
    before = store.load()
    server.faults = [fault]
    with pytest.raises(UnexpectedAnswer):
        auth.refresh()
    assert store.load().refresh == before.refresh
    auth.refresh()
    assert server.alive
    assert {request.url.host for request in server.requests} == {"server.test"}


def test_a_short_retry_after_is_waited_for(server, auth, clock):
    server.faults = [answers(429, {"Retry-After": "3"})]
    auth.refresh()
    assert clock.slept == [3.0]


def test_a_long_retry_after_is_surfaced_and_respected_by_later_calls(server, auth, clock):
    server.faults = [answers(503, {"Retry-After": "60"})]
    with pytest.raises(Unavailable) as caught:
        auth.refresh()
    assert caught.value.retry_after == 60
    clock.now += 50
    with pytest.raises(Unavailable) as again:
        auth.refresh()
    assert again.value.retry_after == pytest.approx(10)
    assert len(server.refreshes) == 1
    clock.now += 10
    auth.refresh()
    assert len(server.refreshes) == 2


@pytest.mark.parametrize("value", ["Fri, 31 Dec 2027 23:59:59 GMT", "-1", "soon", "", "²"])
def test_a_retry_after_that_is_not_seconds_is_ignored(server, auth, clock, value):
    server.faults = [lambda request: httpx.Response(503, headers=[(b"Retry-After", value.encode())])]
    auth.refresh()
    assert clock.slept == [0.5]


def test_an_absurd_retry_after_is_bounded(server, auth):
    server.faults = [answers(503, {"Retry-After": "9" * 40})]
    with pytest.raises(Unavailable) as caught:
        auth.refresh()
    assert caught.value.retry_after == 300


def test_the_key_is_saved_before_the_request_and_cleared_with_the_new_tokens(server, make_auth, clock):
    class Spy(MemoryTokens):
        saved: list = []

        def save(self, tokens):
            self.saved.append(tokens)
            super().save(tokens)

    store = Spy()
    auth = make_auth(store=store)
    auth.login("alice", "correct horse battery")
    at_request: list[Any] = []
    server.faults = [lambda request: at_request.append(store.load())]
    auth.refresh()
    assert at_request[0].idempotency_key == server.keys[0]
    assert [(tokens.refresh, tokens.idempotency_key is not None) for tokens in store.saved] == [
        ("refresh-secret:1:0", False),
        ("refresh-secret:1:0", True),
        ("refresh-secret:1:1", False),
    ]


def test_each_refresh_token_has_its_own_key(server, auth):
    auth.refresh()
    auth.refresh()
    assert len(set(server.keys)) == 2


@pytest.mark.parametrize("step", ["locked", "key_saved", "answered", "saved"])
def test_killed_at_any_step_and_restarted_an_hour_later_stays_signed_in(server, store, auth, make_auth, clock, step):
    def die(done):
        if done == step:
            raise Killed

    with pytest.raises(Killed):
        make_auth(on_step=die).refresh()
    clock.now += 3600
    server.expire_access()
    assert httpx.Client(transport=server, auth=make_auth()).get(API).status_code == 200
    assert server.alive


def test_killed_while_saving_the_successor(server, make_auth, store, auth, clock, monkeypatch):
    real, saves = store.save, []

    def save(tokens):
        saves.append(tokens)
        if len(saves) == 2:
            raise Killed
        real(tokens)

    monkeypatch.setattr(store, "save", save)
    with pytest.raises(Killed):
        auth.refresh()
    assert server.counter == 1
    assert store.load().refresh == "refresh-secret:1:0"
    clock.now += 3600
    make_auth().refresh()
    assert server.alive
    assert server.keys[0] == server.keys[1]


def test_no_request_is_sent_when_the_key_cannot_be_saved(server, store, auth, monkeypatch):
    def fail(tokens):
        raise OSError("disk full")

    monkeypatch.setattr(store, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        auth.refresh()
    assert server.refreshes == []


def test_lost_answers_over_many_refreshes_sign_nobody_out(server, make_auth, auth):
    server.lost = [index % 5 in {0, 1} for index in range(400)]
    for _ in range(200):
        auth.refresh()
        auth = make_auth()
    assert server.alive
    assert server.counter == 200


def test_without_the_kept_key_a_lost_answer_would_sign_out(server, store, auth, make_auth):
    """The fake server is strict enough that the tests above can fail."""
    server.lost = [True, True, True]
    with pytest.raises(Unavailable):
        auth.refresh()
    kept = store.load()
    store.save(type(kept)(server=kept.server, session=kept.session, access=kept.access, refresh=kept.refresh))
    with pytest.raises(SignInRequired) as caught:
        make_auth().refresh()
    assert caught.value.code == "refresh_reused"


def test_threads_share_one_refresh(server, auth):
    """All find the token expired at the same moment: one refreshes, the others take its result."""
    server.expire_access()
    all_refused = threading.Barrier(THREADS)

    def gate(request):
        response = server.handle_request(request)
        if response.status_code == 401:
            all_refused.wait(timeout=30)
        return response

    client = httpx.Client(transport=httpx.MockTransport(gate), auth=auth)
    with ThreadPoolExecutor(THREADS) as pool:
        statuses = list(pool.map(lambda _: client.get(API).status_code, range(THREADS)))
    assert statuses == [200] * THREADS
    assert len(server.refreshes) == 1


def test_threads_share_one_failure(server, make_auth, store, auth):
    """Whoever waited for a refresh that failed does not try it all over again."""
    waiting = threading.Barrier(THREADS)

    class Gate(MemoryTokens):
        def lock(self):
            waiting.wait(timeout=30)
            return super().lock()

    gate = Gate()
    gate.save(store.load())
    shared = make_auth(store=gate)
    server.faults = [unreachable] * 3

    def attempt(_):
        with pytest.raises(Unavailable) as caught:
            shared._refresher.refresh(stale="access-secret-1")
        return caught.value

    with ThreadPoolExecutor(THREADS) as pool:
        errors = list(pool.map(attempt, range(THREADS)))
    assert len(server.refreshes) == 3
    assert len({id(error) for error in errors}) == THREADS
