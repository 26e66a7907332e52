"""Cutting off a connection from another thread."""

import contextlib
import os
import socket
from typing import Any


def shut_down(connection: Any) -> None:
    """Whoever is blocked on this socket, or file descriptor, or connection with a `fileno`, fails at once.

    The descriptor stays open: only the thread that uses a connection may close it, drivers crash otherwise.
    """
    with contextlib.suppress(Exception):
        descriptor = connection if isinstance(connection, int) else connection.fileno()
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
