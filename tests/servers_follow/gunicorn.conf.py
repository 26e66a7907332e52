"""What is common to all servers here."""

import os
from typing import Any

wsgi_app = "tests.servers_follow.wsgi"
workers = 2
loglevel = "warning"
control_socket_disable = True
graceful_timeout = 120  # far beyond the tests' patience: a worker that does not end by itself is noticed, not killed


def when_ready(server: Any) -> None:
    """Before the first fork: with --preload, let the master be a process that reads (and listens) itself."""
    token = os.environ.get("LANYARD_TEST_MASTER_TOKEN")
    if token is None:
        return
    from drf_lanyard.wiring import get_lanyard
    from tests.fleet.kit import eventually, reader_threads

    get_lanyard().authenticate(token)
    assert reader_threads()
    if (push := get_lanyard().reader.push) is not None:  # type: ignore[attr-defined]
        eventually(lambda: push.connected)
