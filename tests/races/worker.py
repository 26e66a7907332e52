"""A process of a fleet: answers lines of JSON on standard input, each with one line on standard output."""

import json
import sys
import time
from typing import Any

import django

THREADS_ARGUMENT, SETTINGS_ARGUMENT = 1, 2


def main() -> None:
    django.setup()
    from django.conf import settings

    settings.LANYARD = json.loads(sys.argv[SETTINGS_ARGUMENT])
    from drf_lanyard.core.errors import AuthError
    from drf_lanyard.wiring import get_lanyard

    from .crew import Crew
    from .world import code, refresh

    def ask(access: str) -> str:
        try:
            get_lanyard().authenticate(access)
        except AuthError as error:
            return error.code
        return "ok"

    def timed_ask(access: str) -> dict[str, Any]:
        """When the question began matters: CLOCK_MONOTONIC is the same in every process."""
        began = time.monotonic()
        return {"began": began, "code": ask(access)}

    def answer(number: int, token: str) -> list[str]:
        outcome = refresh(token)
        return [code(outcome), getattr(outcome, "refresh", ""), getattr(outcome, "access", "")]

    with Crew(int(sys.argv[THREADS_ARGUMENT])) as crew:
        print(json.dumps("ready"), flush=True)
        for line in sys.stdin:
            order, token = json.loads(line)
            if order == "refresh":
                result: Any = crew.every(lambda number, token=token: answer(number, token))  # type: ignore[misc]
            else:
                result = timed_ask(token)
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
