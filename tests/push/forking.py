"""A process that listens and then forks: `python -m tests.push.forking FIRST SECOND`, two tokens.

Prints, as JSON, how the parent and the child came to know of what the other one revoked.
"""

import json
import os
import signal
import sys
from typing import Any

#: Seconds until a child counts as deadlocked.
PATIENCE = 40


def session_of(token: str) -> Any:
    from drf_lanyard.wiring import get_lanyard

    return get_lanyard().authenticate(token).session_id


def child(first: str, second: str, told: int) -> None:
    from drf_lanyard import revoke_session

    from .worker import deafen, push, reader, refuses

    inherited = push()
    del reader()._is_due  # the child reads, until it is deaf too
    found: dict[str, Any] = {"inherited": inherited, "deaf": deafen(first), "second": session_of(second) is not None}
    os.write(told, b"ready")
    found["first"] = refuses(first)
    revoke_session(session_of(second))
    os.write(told, json.dumps(found).encode())
    os.close(told)


def main(first: str, second: str) -> None:
    import django

    django.setup()
    from django.db import connection

    from drf_lanyard import revoke_session

    from .worker import connected, deafen, reader, refuses

    assert connected(first) and deafen(second)
    channel = reader().push._channel
    connection.close()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        signal.alarm(PATIENCE)
        child(first, second, writing)
        sys.exit(0)  # with all of the interpreter's own clearing up
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert pipe.read(5) == b"ready"
        revoke_session(session_of(first))
        answer: dict[str, Any] = {"second": refuses(second)}
        text = pipe.read(10_000)
        _, status = os.waitpid(pid, 0)
    answer |= {"child": json.loads(text), "status": status}
    push = reader().push
    print(json.dumps(answer | {"same": push._channel is channel, "connected": push.connected}))


if __name__ == "__main__":
    main(*sys.argv[1:])
