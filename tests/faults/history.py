"""What clients did and what came of it: one operation is one line of JSON, shared clocks, no credential in it."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: Ends one session, given by its id, an access token or (`logout_by_refresh`) nothing but a refresh token.
ENDS_SESSION = frozenset({"logout", "logout_by_refresh", "slow_logout"})
#: Ends every session of a user (a password change spares the one it was made from) and makes older tokens stale.
ENDS_USER = frozenset({"logout_all", "password_change", "disable"})
#: Makes the access tokens of a user stale that were issued before.
MAKES_STALE = ENDS_USER | {"role"}


def now() -> float:
    """Seconds on a clock that all processes of this machine share and nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def name_of(credential: str) -> str:
    """What stands for a token in the log."""
    return hashlib.sha256(credential.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request: `start` is when it was sent, `end` when its answer (or none) was known, in seconds of `now()`."""

    kind: str
    user: int
    worker: int
    start: float
    end: float
    #: HTTP; 0 without an answer.
    status: int
    #: Of a refusal.
    code: str = ""
    #: The session it is about, or that it opened.
    session: str = ""
    #: The access token that was presented, and the one that was issued.
    token: str = ""
    issued: str = ""
    #: The refresh token that was presented, the one that was issued, and the Idempotency-Key.
    parent: str = ""
    successor: str = ""
    key: str = ""

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_unknown(self) -> bool:
        """Whether it may have happened, may happen yet, or may never."""
        return self.status == 0 or self.status >= 500

    @property
    def ended_session(self) -> bool:
        """Whether the session is certainly dead once this operation has ended: a logout, a replay that was noticed."""
        return self.succeeded if self.kind in ENDS_SESSION else self.code == "refresh_reused"

    @property
    def may_end_session(self) -> bool:
        """A refresh without an answer too: it may be done late, and look like a replay."""
        if self.kind in ENDS_SESSION:
            return self.succeeded or self.is_unknown
        return self.code == "refresh_reused" or (self.kind in ("refresh", "replay") and self.is_unknown)


def to_line(operation: Operation) -> str:
    return json.dumps({name: value for name, value in asdict(operation).items() if value != ""})


def from_line(line: str) -> Operation:
    values: dict[str, Any] = json.loads(line)
    return Operation(**values)


def read(paths: Iterable[Path]) -> list[Operation]:
    """The operations of all clients, by the time they ended. A last line that is being written is left out."""
    return sorted((o for path in paths if path.exists() for o in _lines(path)), key=lambda operation: operation.end)


def _lines(path: Path) -> Iterator[Operation]:
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):
                yield from_line(line)
