"""Asks every worker all the time with a token that nothing revokes: who answers, and since when again."""

import threading

from .fleet import Fleet, until
from .history import now
from .http import Caller, Log
from .prepare import PASSWORD

#: Seconds between two requests to one worker.
PACE = 0.1


class Canary:
    """One thread for each worker; `start` signs in, which may be repeated as tokens grow old."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        path = fleet.folder / "canary.jsonl"
        fleet.logs.append(path)
        self._log = Log(path)
        self._over = threading.Event()
        self._access = self._session = ""
        self._user, self._name = fleet.users[0]
        self.good = [0.0] * len(fleet.ports)
        self._threads = [threading.Thread(target=self._ask, args=(worker,)) for worker in range(len(fleet.ports))]

    def sign_in(self) -> None:
        caller = Caller(self._fleet.ports, self._log)
        for attempt in range(50):
            worker = attempt % len(self._fleet.ports)
            body = {"username": self._name, "password": PASSWORD}
            done, answer = caller.request("login", worker, "/auth/login/", body, user=self._user)
            if done.succeeded:
                self._access, self._session = answer["access"], answer["session"]
                break
            until(now() + 0.2)
        caller.close()

    def start(self) -> None:
        self.sign_in()
        for thread in self._threads:
            thread.start()

    def _ask(self, worker: int) -> None:
        caller = Caller(self._fleet.ports, self._log)
        while not self._over.wait(PACE):
            done, _ = caller.request(
                "call", worker, "/protected/", user=self._user, access=self._access, session=self._session
            )
            if done.succeeded:
                self.good[worker] = done.end
        caller.close()

    def recovers(self, since: float, patience: float) -> bool:
        """Wait until every worker has answered 200 at or after `since`; False if one has not in time."""
        while now() < since + patience:
            if all(moment >= since for moment in self.good):
                return True
            until(now() + 0.02)
        return False

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            if thread.ident is not None:  # it may not even have begun
                thread.join(10)
        self._log.close()
