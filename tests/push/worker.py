"""A worker of `tests.fleet` that pushes: what its reader and its follower are at, and a log that tells it nothing."""

import time
from typing import Any

from ..fleet import worker
from ..fleet.worker import COMMANDS

#: Seconds: far more than connecting takes.
PATIENCE = 30.0


def reader() -> Any:
    from drf_lanyard.wiring import get_lanyard

    return get_lanyard().reader


def connected(token: str) -> bool:
    """Begin to read and to listen, and wait until the server has said that we are subscribed."""
    assert worker.ask(token) == "ok"
    ends = time.monotonic() + PATIENCE
    while not reader().push.connected and time.monotonic() < ends:
        time.sleep(0.005)
    return bool(reader().push.connected)


def deafen(token: str) -> bool:
    """Connected, and from now on nothing makes it read the log as long as the lease lasts: only push can tell it."""
    found = connected(token)
    reader()._is_due = lambda now: False
    return found


def alert(token: str) -> bool:
    """Connected, with hints that are followed within a tenth of a second, and no other reason to read."""
    found = connected(token)
    reader()._hinted = float("inf")
    reader().lease = 0.4  # from which hints are drawn; what is fresh now stays so
    return found


def refuses(token: str) -> str:
    """As `ask`, until it is refused; or "ok" after a while."""
    ends = time.monotonic() + PATIENCE
    while (answer := worker.ask(token)) == "ok" and time.monotonic() < ends:
        time.sleep(0.005)
    return answer


def knows(subject: str) -> bool:
    """Whether it has come to know that all of a user is stale. Not a request: that would make it read."""
    ends = time.monotonic() + PATIENCE
    while not (found := bool(reader().snapshot.epochs.get(subject))) and time.monotonic() < ends:
        time.sleep(0.005)
    return found


def push() -> dict[str, Any]:
    found = reader()
    return {"connected": found.push.connected, "received": found.push.received, "failures": found._failures}


def revoke_all_users() -> int:
    from django.contrib.auth import get_user_model

    from drf_lanyard import revoke_users

    return revoke_users(get_user_model().objects.all())


COMMANDS |= {
    command.__name__: command for command in (connected, deafen, alert, refuses, knows, push, revoke_all_users)
}

if __name__ == "__main__":
    worker.main()
