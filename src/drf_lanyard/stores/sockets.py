"""Cutting off a connection from another thread, or from a parent process."""

import contextlib
import os
import socket
from typing import Any


def shut_down(connection: Any) -> None:
    """Whoever is blocked on this socket, or file descriptor, or connection with a `fileno`, fails at once.

    The descriptor stays open: only the thread that uses a connection may close it, drivers crash otherwise.
    """
    with contextlib.suppress(Exception):
        descriptor = _descriptor(connection)
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


def muffle(connection: Any) -> None:
    """In a forked child: put /dev/null in place of an inherited socket.

    Drivers say goodbye on it when the interpreter clears up; and while a child holds it, the server would not notice
    that the parent has died.
    """
    with contextlib.suppress(Exception), open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), _descriptor(connection))


def _descriptor(connection: Any) -> int:
    return connection if isinstance(connection, int) else int(connection.fileno())
