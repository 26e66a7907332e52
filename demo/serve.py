"""`python -m demo.serve`: prepare the database, start the workers, show the tour, serve until Ctrl-C."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from demo.tour import TourFailed, tour

HOST = "127.0.0.1"
#: Seconds for the first answer, and for a clean stop.
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0


class CannotServe(Exception):
    """The message says why."""


def main() -> int:
    options = parse(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        with listening(options.port) as listener:
            prepare()
            server = start(listener, options.workers)
            base = f"http://{HOST}:{listener.getsockname()[1]}"
        with stopping(server):
            wait_until_it_answers(base, server)
            tour(base, options.workers)
            if options.tour_only:
                return 0
            print(f"\nServing {base} (Ctrl-C stops it)", flush=True)
            raise CannotServe(f"The server ended by itself (exit code {server.wait()}).")
    except (CannotServe, TourFailed) as error:
        print(error, file=sys.stderr)
        return 1


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one")
    parser.add_argument("--workers", type=int, default=2, help="processes, at least 2")
    parser.add_argument("--tour-only", action="store_true", help="stop after the tour")
    options = parser.parse_args(arguments)
    if options.workers < 2:
        parser.error("--workers: at least 2, so that there is something to cross")
    return options


def listening(port: int) -> socket.socket:
    """Take the port before anything else, so that a taken one is found out at once."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise CannotServe(f"Port {port} cannot be used: {error.strerror}. Try another: make demo PORT=8123") from error


def prepare() -> None:
    """Migrate and seed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "demo.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from demo.seed import seed

    call_command("migrate", verbosity=0)
    seed()
    connections.close_all()


def start(listener: socket.socket, workers: int) -> subprocess.Popen[bytes]:
    """gunicorn on the open port; in a process group of its own, so that Ctrl-C reaches it through us only."""
    config = Path(__file__).with_name("gunicorn.conf.py")
    command = [sys.executable, "-m", "gunicorn", "--config", str(config), "--workers", str(workers)]
    command += ["--bind", f"fd://{listener.fileno()}"]
    return subprocess.Popen(command, pass_fds=[listener.fileno()], start_new_session=True)


@contextmanager
def stopping(server: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave the workers behind
        server.terminate()
        try:
            server.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until_it_answers(base: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CannotServe(f"The server did not start (exit code {server.returncode}).")
        try:
            httpx.get(f"{base}/api/posts/", timeout=2).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.1)
        except httpx.HTTPStatusError as error:
            raise CannotServe(f"The server answers HTTP {error.response.status_code}.") from error
    raise CannotServe(f"No answer from {base} after {START_TIMEOUT:.0f} s.")


if __name__ == "__main__":
    sys.exit(main())
