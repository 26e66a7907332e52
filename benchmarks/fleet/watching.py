"""A process that serves, and notes when it began to refuse each of some tokens."""

import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any

from drf_lanyard.core.errors import StoreUnavailable, TokenRevoked
from drf_lanyard.core.model import Principal
from drf_lanyard.core.revocation import Snapshot

from .members import boot_clock

#: Requests per second of a process that is nearly idle.
LIGHT = 4.0
#: Seconds that a thread which does nothing sleeps, over and over, to see how late threads get their turn.
NAP = 0.2
#: Seconds after which a process gives up on what it has not seen.
LATEST = 60.0


class Watch:
    """The moment from which each token is let in no more.

    Looked at after each change of the snapshot, by the thread that makes it: a request would be refused from then on.
    If the lease is over by then, nothing has been let in since its end: requests have waited for this change.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        from drf_lanyard.wiring import get_lanyard

        self._lanyard = get_lanyard()
        self._reader: Any = self._lanyard.reader
        now = time.time()
        self._alive: dict[int, tuple[Principal, str]] = {}
        for token in tokens:
            principal = self._lanyard.access.verify(token, now)
            self._alive[principal.credential] = (principal, token)
        self.refused: dict[int, float] = {}
        #: Tokens to present again, as a request does.
        self.to_present: list[str] = []
        #: Tokens that were let in after all. There must be none.
        self.let_in = 0

    def attach(self) -> None:
        for name in ("add", "apply"):
            setattr(Snapshot, name, self._observed(getattr(Snapshot, name)))

    def _observed(self, change: Callable[[Snapshot, Any], None]) -> Callable[[Snapshot, Any], None]:
        def changing(snapshot: Snapshot, what: Any) -> None:
            entries = list(what.entries if hasattr(what, "entries") else what)
            change(snapshot, what if hasattr(what, "entries") else entries)
            now = min(boot_clock(), self._reader._good_until)
            for entry in entries:
                known = self._alive.get(entry.credential or 0)
                if known is not None and snapshot.verdict(known[0]) is TokenRevoked:
                    del self._alive[entry.credential]
                    self.refused[entry.credential] = now
                    self.to_present.append(known[1])

        return changing

    def present(self) -> None:
        """What was found to be refused, is."""
        while self.to_present:
            try:
                self._lanyard.authenticate(self.to_present.pop())
                self.let_in += 1
            except TokenRevoked:
                pass

    def complete(self) -> bool:
        return not self._alive


def nap(late: list[float]) -> None:
    """Note by how many seconds each nap was too long: the processor and the interpreter were somebody else's."""
    while True:
        began = boot_clock()
        time.sleep(NAP)
        late.append(boot_clock() - began - NAP)


def watching(pipe: Connection, lanyard: dict[str, Any], tokens: list[str], live: str, rate: float | None) -> None:
    """Serve `rate` requests per second (None: as many as it can) with the token `live`, until told to stop."""
    from drf_lanyard.wiring import get_lanyard

    from .ground import choose

    choose(**lanyard)
    watch = Watch(tokens)
    watch.attach()
    service = get_lanyard()
    service.authenticate(live)
    push = service.reader.push  # type: ignore[attr-defined]
    while push is not None and not push.connected:
        time.sleep(0.01)
    pipe.send("ready")
    ends: list[float] = []

    def hear() -> None:
        pipe.recv()
        ends.append(boot_clock() + LATEST)

    late: list[float] = []
    threading.Thread(target=hear, daemon=True).start()
    threading.Thread(target=nap, args=(late,), daemon=True).start()
    served = unavailable = 0
    while not ends or not (watch.complete() or boot_clock() > ends[0]):
        try:
            service.authenticate(live)
        except StoreUnavailable:
            unavailable += 1
        served += 1
        watch.present()
        if rate is not None:
            time.sleep(1 / rate)
    watch.present()
    pipe.send(
        {"refused": watch.refused, "let_in": watch.let_in, "served": served, "unavailable": unavailable, "late": late}
    )
    time.sleep(PAUSE)


#: Seconds in which this process is killed.
PAUSE = 600
