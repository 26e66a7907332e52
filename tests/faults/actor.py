"""One thread of a client process: it signs in some users, uses their tokens, and ends them in every way there is."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .history import Operation, now
from .http import Caller, Log
from .people import Held, User

#: A worker that has not answered is left alone for so many seconds.
AVOID = 3.0
#: Tokens of revoked sessions are presented to all workers for so many leases, and now and then later.
WATCH = 1.4


class Actor(threading.Thread):
    """Does one thing after the other to users that nobody else touches, at about `rate` requests per second."""

    def __init__(
        self,
        *,
        seed: str,
        ports: Sequence[int],
        log: Log,
        users: deque[User],
        twins: ThreadPoolExecutor,
        twin: Caller,
        rate: float,
        lease: float,
        stop: threading.Event,
    ) -> None:
        super().__init__(daemon=True)
        self._random = random.Random(seed)
        self._caller = Caller(ports, log)
        self._spare = users
        self._twins, self._twin = twins, twin
        self._pause, self._lease, self._stop_now = 1 / rate, lease, stop
        self._users = [users.popleft() for _ in range(2)]
        self._dead: deque[tuple[int, str, str]] = deque(maxlen=60)
        self._keys = 0

    def run(self) -> None:
        while not self._stop_now.is_set():
            user = self._random.choice(self._users)
            if len(user.sessions) < 2:
                self._sign_in(user)
            else:
                self._something(user)
        self._caller.close()

    def _something(self, user: User) -> None:
        held = self._random.choice(user.sessions)
        chance = self._random.random()
        if chance < 0.45:
            self._call(user, held)
        elif chance < 0.60:
            self._refresh(user, held)
        elif chance < 0.68:
            self._race(user, held)
        elif chance < 0.76 and self._dead:
            pk, session, access = self._random.choice(self._dead)
            self._send("call", "/protected/", user=pk, access=access, session=session)
        elif chance < 0.80:
            self._sign_in(user)
        else:
            self._end(user, held)

    # Requests

    def _send(self, kind: str, path: str, body: Any = None, *, worker: int = -1, **named: Any) -> tuple[Operation, Any]:
        self._stop_now.wait(self._pause * self._random.uniform(0.5, 1.5))
        return self._caller.request(kind, self._worker() if worker < 0 else worker, path, body, **named)

    def _worker(self) -> int:
        answering = [n for n in range(len(self._caller.ports)) if now() - self._caller.silent.get(n, -AVOID) >= AVOID]
        return self._random.choice(answering or range(len(self._caller.ports)))

    def _sign_in(self, user: User) -> None:
        body = {"username": user.name, "password": user.password}
        done, answer = self._send("login", "/auth/login/", body, user=user.pk)
        if done.succeeded:
            held = Held(answer["session"], answer["access"], [answer["refresh"]])
            user.sessions = [*user.sessions, held][-4:]
            for _ in range(2):  # so that workers have seen the token before it is revoked
                self._call(user, held)
        elif done.status == 401:
            self._retire(user)

    def _call(self, user: User, held: Held) -> None:
        done, _ = self._send("call", "/protected/", user=user.pk, access=held.access, session=held.id)
        if done.code in ("token_stale", "token_expired"):
            self._refresh(user, held)
        elif done.status == 401:
            self._drop(user, held)

    def _refresh(self, user: User, held: Held) -> None:
        """Without an answer: again with the same Idempotency-Key, if there was one; else the session is given up."""
        key = self._new_key() if self._random.random() < 0.5 else ""
        for _ in range(3 if key else 1):
            body = {"refresh": held.chain[-1]}
            done, answer = self._send("refresh", "/auth/refresh/", body, user=user.pk, session=held.id, key=key)
            if done.succeeded:
                self._renewed(held, answer)
                return
            if done.status == 503 and done.code:  # nothing has happened, and the client tries again
                return
            if not done.is_unknown:
                break
        self._drop(user, held)

    def _race(self, user: User, held: Held) -> None:
        """The same refresh token at two workers at the same moment."""
        key = self._new_key() if self._random.random() < 0.5 else ""
        body, workers = {"refresh": held.chain[-1]}, (self._worker(), self._worker())
        named: dict[str, Any] = {"user": user.pk, "session": held.id, "key": key}
        barrier = threading.Barrier(2)

        def other() -> tuple[Operation, Any]:
            barrier.wait(10)
            return self._twin.request("refresh", workers[1], "/auth/refresh/", body, **named)

        future = self._twins.submit(other)
        try:
            barrier.wait(10)
        except threading.BrokenBarrierError:
            return
        outcomes = [self._caller.request("refresh", workers[0], "/auth/refresh/", body, **named), future.result()]
        for done, answer in outcomes:
            if done.succeeded:
                self._renewed(held, answer)
        if not all(done.succeeded for done, _ in outcomes):
            self._drop(user, held)

    def _renewed(self, held: Held, answer: Any) -> None:
        held.access = answer["access"]
        if answer["refresh"] != held.chain[-1]:
            held.chain = [*held.chain, answer["refresh"]][-4:]

    def _new_key(self) -> str:
        self._keys += 1
        return f"{self.name}-{self._keys}"

    # Ends

    def _end(self, user: User, held: Held) -> None:
        ways: list[Callable[[User, Held], None]] = [
            self._log_out,
            self._log_out,
            self._log_out_slowly,
            self._log_out_everywhere,
            self._change_password,
            self._disable,
            self._change_role,
        ]
        if len(held.chain) > 2:
            ways.append(self._replay)
        self._random.choice(ways)(user, held)

    def _log_out(self, user: User, held: Held) -> None:
        self._drop(user, held)
        by_refresh = self._random.random() < 0.5
        body = {"refresh": held.chain[-1]} if by_refresh else {}
        access = "" if by_refresh else held.access
        kind = "logout_by_refresh" if by_refresh else "logout"
        done, _ = self._send(kind, "/auth/logout/", body, user=user.pk, session=held.id, access=access)
        self._watch(done, user, [held])

    def _log_out_slowly(self, user: User, held: Held) -> None:
        """A transaction that gets its place in the log early and commits late."""
        self._drop(user, held)
        body = {"session": held.id, "hold": self._random.uniform(0.1, 0.8)}
        done, _ = self._send("slow_logout", "/faults/slow-logout/", body, user=user.pk, session=held.id)
        self._watch(done, user, [held])

    def _log_out_everywhere(self, user: User, held: Held) -> None:
        victims = list(user.sessions)
        named: dict[str, Any] = {"user": user.pk, "session": held.id, "access": held.access}
        done, _ = self._send("logout_all", "/auth/logout/all/", {}, **named)
        self._user_changed(done, user, victims)

    def _change_password(self, user: User, held: Held) -> None:
        victims = [Held(one.id, one.access, one.chain) for one in user.sessions]
        body = {"old_password": user.password, "new_password": f"wonderland-{self._random.randrange(10**9)}"}
        named: dict[str, Any] = {"user": user.pk, "session": held.id, "access": held.access}
        done, answer = self._send("password_change", "/auth/password/change/", body, **named)
        self._user_changed(done, user, victims)
        if done.succeeded:
            user.password = body["new_password"]
            user.sessions = [Held(held.id, answer["access"], [answer["refresh"]])]

    def _disable(self, user: User, held: Held) -> None:
        victims = list(user.sessions)
        done, _ = self._send("disable", "/faults/user/", {"user": user.pk, "is_active": False}, user=user.pk)
        self._user_changed(done, user, victims)
        if not done.succeeded:
            return
        for _ in range(5):
            enabled, _ = self._send("enable", "/faults/user/", {"user": user.pk, "is_active": True}, user=user.pk)
            if enabled.succeeded:
                return
        self._retire(user)

    def _change_role(self, user: User, held: Held) -> None:
        victims = [Held(one.id, one.access, one.chain) for one in user.sessions]
        done, _ = self._send("role", "/faults/user/", {"user": user.pk}, user=user.pk)
        if done.succeeded:
            self._watch(done, user, victims)
        else:
            self._retire(user)

    def _replay(self, user: User, held: Held) -> None:
        self._drop(user, held)
        body = {"refresh": held.chain[-3]}
        done, _ = self._send("replay", "/auth/refresh/", body, user=user.pk, session=held.id)
        self._watch(done, user, [held])

    def _user_changed(self, done: Operation, user: User, victims: list[Held]) -> None:
        """What has an unknown outcome may still happen: nobody can know what this user may do from then on."""
        user.sessions = []
        if done.is_unknown:
            self._retire(user)
        self._watch(done, user, victims)

    def _watch(self, done: Operation, user: User, victims: list[Held]) -> None:
        """Present what should be dead, to one worker after the other."""
        self._dead.extend((user.pk, held.id, held.access) for held in victims)
        ends, turn = done.end + WATCH * self._lease, self._random.randrange(100)
        while now() < ends and not self._stop_now.is_set() and victims:
            held, turn = self._random.choice(victims), turn + 1
            worker = turn % len(self._caller.ports)
            if now() - self._caller.silent.get(worker, -AVOID) < AVOID:
                time.sleep(0.01)
                continue
            named: dict[str, Any] = {"user": user.pk, "access": held.access, "session": held.id}
            self._send("call", "/protected/", worker=worker, **named)

    def _drop(self, user: User, held: Held) -> None:
        user.sessions = [one for one in user.sessions if one is not held]

    def _retire(self, user: User) -> None:
        if self._spare:
            self._users = [self._spare.popleft() if one is user else one for one in self._users]
        else:
            user.sessions = []
