"""A server that only one module of tests uses, so that it may be frozen, killed and restarted."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..databases import Databases, TestDatabase, created
from ..server_process import Server
from ..servers import STARTERS


@contextmanager
def own_server(name: str, databases: Databases) -> Iterator[TestDatabase]:
    """Started, migrated, and DATABASES["default"] until the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"own-{name}-", dir=databases.folder))
    folder.chmod(0o711)  # the servers' user has to reach its own folder inside
    server = STARTERS[name](folder)
    settings = databases.settings(name) | databases.address(server)
    try:
        with created(name, settings, server) as made:
            yield made
    finally:
        server.stop()


def pid_of(server: Server) -> int:
    assert server.process is not None
    return server.process.pid


def family(server: Server) -> list[int]:
    """The server's process and its children: PostgreSQL has one for each connection."""
    parent = pid_of(server)
    return [parent, *(pid for pid in _processes() if _parent_of(pid) == parent)]


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """SIGSTOP: no error, no closed socket, just silence."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def open_sockets() -> int:
    """How many sockets this process has."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += os.readlink(entry).startswith("socket:")
        except OSError:  # the one that lists this folder
            continue
    return count
