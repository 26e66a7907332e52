"""Another process: `python -m tests.transports.worker`, a request as a JSON line in, its answers as a JSON line out."""

import json
import sys
import time
from typing import Any

#: Seconds after which the process gives up on a refusal.
PATIENCE = 20.0


def hammer(headers: dict[str, str]) -> dict[str, Any]:
    """Call until refused: when the last accepted call began, by the clock that all processes share."""
    from django.test import Client

    client = Client(headers=headers)
    began = time.monotonic()
    accepted, status, calls = 0.0, 200, 0
    while status == 200 and time.monotonic() < began + PATIENCE:
        now = time.monotonic()
        status = client.get("/protected/", secure=True).status_code
        calls += 1
        if status == 200:
            accepted = now
            if calls == 1:
                print(json.dumps("accepted"), flush=True)
        time.sleep(0.005)
    return {"last_accept": accepted, "status": status, "calls": calls}


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        print(json.dumps(hammer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
