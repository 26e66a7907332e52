"""One worker process of a fleet: `python -m tests.fleet.worker`, a JSON line in, a JSON line out.

The processes share CLOCK_BOOTTIME, so that what one of them did can be compared with what another saw.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

#: Seconds: a worker that is never told to stop ends by itself.
LIFETIME = 60.0
#: Seconds for which a token is presented again after its first refusal.
AFTERWARDS = 0.2


def boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def ask(token: str) -> str:
    """ "ok", or the code of the refusal."""
    from drf_lanyard.core.errors import AuthError
    from drf_lanyard.wiring import get_lanyard

    try:
        get_lanyard().authenticate(token)
    except AuthError as error:
        return error.code
    return "ok"


def hammer(token: str) -> dict[str, Any]:
    """Present a token until it is refused, and a little longer: when an accepted request last began, and after that."""
    ends, last_accept, refused_at, code, later = boot_clock() + LIFETIME, 0.0, None, "", 0
    asked = 0
    while (now := boot_clock()) < (ends if refused_at is None else refused_at + AFTERWARDS):
        answer = ask(token)
        asked += 1
        if answer == "ok":
            last_accept, later = now, later + (refused_at is not None)
        elif refused_at is None:
            refused_at, code = boot_clock(), answer
        time.sleep(0.002)
    return {"last_accept": last_accept, "refused_at": refused_at, "code": code, "later": later, "asked": asked}


def revoke_session(session_id: str) -> float:
    from drf_lanyard import revoke_session

    assert revoke_session(session_id)
    return boot_clock()


def revoke_and_wait(session_id: str) -> float:
    from drf_lanyard import revoke_session

    assert revoke_session(session_id, wait=True)
    return boot_clock()


def revoke_user(pk: int) -> float:
    from django.contrib.auth import get_user_model

    from drf_lanyard import revoke_user

    revoke_user(get_user_model().objects.get(pk=pk))
    return boot_clock()


COMMANDS: dict[str, Callable[..., Any]] = {
    command.__name__: command for command in (ask, hammer, revoke_session, revoke_and_wait, revoke_user)
}


def main() -> None:
    import django

    django.setup()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(COMMANDS[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
