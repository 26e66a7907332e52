"""One client process: `python -m tests.faults.client`. Its input begins with what to do, and it ends with its input."""

import json
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .actor import Actor
from .http import Caller, Log
from .people import User


def main() -> None:
    chosen = json.loads(sys.stdin.readline())
    log, stop = Log(Path(chosen["log"])), threading.Event()
    everyone = [User(pk, name) for pk, name in chosen["users"]]
    actors = []
    for number in range(chosen["actors"]):
        twins = ThreadPoolExecutor(1)
        actors.append(
            Actor(
                seed=f"{chosen['seed']}-{number}",
                ports=chosen["ports"],
                log=log,
                users=deque(everyone[number :: chosen["actors"]]),
                twins=twins,
                twin=Caller(chosen["ports"], log),
                rate=chosen["rate"],
                lease=chosen["lease"],
                stop=stop,
            )
        )
        actors[-1].name = f"{chosen['seed']}-{number}"
    for actor in actors:
        actor.start()
    sys.stdin.read()
    stop.set()
    for actor in actors:
        actor.join(10)


if __name__ == "__main__":
    main()
