"""`python -m tests.browser.serve`: the demo on a free port, without its tour, until it is told to end."""

import os
import signal
import sys

from demo import PASSWORD
from demo.serve import HOST, listening, start, stopping, wait_until_it_answers

WORKERS = 2


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    prepare()
    with listening(0) as listener:
        server = start(listener, WORKERS)
        base = f"http://{HOST}:{listener.getsockname()[1]}"
    with stopping(server):
        wait_until_it_answers(base, server)
        print(base, flush=True)
        server.wait()


def prepare() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    from demo.seed import seed

    call_command("migrate", verbosity=0)
    seed()
    if not User.objects.filter(username="carol").exists():
        User.objects.create_user("carol", "carol@example.com", PASSWORD)  # whose password a test changes
    connections.close_all()


if __name__ == "__main__":
    main()
