"""The real client against the real rules, with answers that get lost and a client that is killed at every step."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from drf_lanyard.client import LanyardAuth, SignInRequired, TokenFile, Unavailable
from drf_lanyard.core.model import Client, Denied
from drf_lanyard.service import Lanyard

URL = "https://server.test/auth/"
HOUR = 3600.0
LOST = 0.2
#: Where a client dies: at the steps that it names, and on the wire before or after the server has acted.
DEATHS = ("locked", "key_saved", "sent", "received", "answered", "saved")


class Killed(BaseException):
    """The process is gone: nothing catches it, and nothing that it had in memory is left."""


@dataclass
class Wire(httpx.BaseTransport):
    """Carries refreshes to a service in this process. Some answers are lost; `death` is where the client dies next."""

    lanyard: Lanyard
    chance: random.Random
    with_key: bool = True
    death: str | None = None
    seen: Counter[str] = field(default_factory=Counter)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.death == "sent":
            raise Killed
        key = request.headers["Idempotency-Key"] if self.with_key else None
        token = json.loads(request.read())["refresh"]
        outcome = self.lanyard.refresh(token, client=Client(), idempotency_key=key)
        self.seen["handled"] += 1
        if self.death == "received":
            raise Killed
        if self.chance.random() < LOST:
            self.seen["lost"] += 1
            raise httpx.ReadError("the answer was lost", request=request)
        if isinstance(outcome, Denied):
            return httpx.Response(401, json={"detail": outcome.error.detail, "code": outcome.error.code})
        body = {"access": outcome.access, "refresh": outcome.refresh, "expires_in": outcome.expires_in}
        return httpx.Response(200, json={**body, "session": str(outcome.session.id)})


@dataclass
class Life:
    """One device over a long time: refresh, lose answers, die, come back an hour later, never sign in again."""

    wire: Wire
    file: Path
    sign_in: Callable[[], Any]
    pass_time: Callable[[float], None]
    logouts: int = 0
    deaths: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._http = httpx.Client(transport=self.wire)
        self._store = TokenFile(self.file, fsync=False)

    def live(self, refreshes: int) -> None:
        """Until the server has handled that many refreshes."""
        self._sign_in()
        auth = self._start()
        while self.wire.seen["handled"] < refreshes:
            self.wire.death = self.wire.chance.choice((*DEATHS, *[None] * len(DEATHS)))
            try:
                auth.refresh()
            except Killed:
                self.deaths[self.wire.death or ""] += 1
                auth = self._start()
            except Unavailable:
                self.wire.seen["gave up"] += 1
            except SignInRequired:
                self.logouts += 1
                self._sign_in()
            self.pass_time(HOUR)
        self._http.close()

    def _start(self) -> LanyardAuth:
        """A new process: it knows what is in the file, and nothing else."""
        return LanyardAuth(
            URL, self._store, client=self._http, clock=lambda: 0.0, sleep=self.pass_time, on_step=self._step
        )

    def _step(self, name: str) -> None:
        if name == self.wire.death:
            raise Killed

    def _sign_in(self) -> None:
        issued = self.sign_in()
        from drf_lanyard.client import Tokens

        self._store.save(
            Tokens(server=URL, session=str(issued.session.id), access=issued.access, refresh=issued.refresh)
        )
