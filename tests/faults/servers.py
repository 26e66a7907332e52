"""The servers of one run: a database that keeps what it has committed, and Valkey; each may be killed and frozen."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.databases import ENGINES
from tests.fleet.own_server import family, frozen, pid_of
from tests.servers import Server, mariadb, postgres, valkey

__all__ = ["Server", "address", "frozen", "kill", "start_database", "start_valkey", "statement", "stopped"]

#: Over what tests otherwise run with: a commit that was answered survives a crash; standbys may follow.
DURABLE: dict[str, list[str]] = {
    "postgres": [
        f"-c{name}={value}"
        for name, value in {
            "fsync": "on",
            "full_page_writes": "on",
            "wal_level": "replica",
            "max_wal_senders": 4,
            "hot_standby": "on",
        }.items()
    ],
    "mariadb": ["--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1"],
}
NAMES = {"postgres": "postgres", "mariadb": "lanyard"}


def start_database(kind: str, folder: Path) -> Server:
    """A new, empty, durable server. Raises Unavailable."""
    server = {"postgres": postgres, "mariadb": mariadb}[kind](folder)
    server.stop()
    server.command += DURABLE[kind]
    server.start()
    if kind == "mariadb":
        statement(server, "CREATE DATABASE lanyard")
    return server


def start_valkey(folder: Path) -> Server:
    """Raises Unavailable."""
    return valkey(folder)


def address(server: Server, port: int) -> dict[str, Any]:
    """DATABASES["default"] for whoever comes by this port."""
    options = {"connect_timeout": 3}
    return {
        "ENGINE": ENGINES[server.name],
        "NAME": NAMES[server.name],
        "HOST": server.host,
        "PORT": port,
        "USER": server.user,
        "PASSWORD": server.password,
        "OPTIONS": options,
    }


def processes(server: Server) -> list[int]:
    """The server and, with PostgreSQL, its backends."""
    return family(server)


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """SIGSTOP of all its processes: no error, no closed socket, just silence. Its parent first: it makes no more."""
    pids = [pid_of(server)]
    try:
        _signal(pids[0], signal.SIGSTOP)
        pids = processes(server)
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(pids):
            _signal(pid, signal.SIGCONT)


def kill(server: Server) -> None:
    """kill -9 of all its processes; `start` brings it back with its data."""
    doomed = processes(server)
    for pid in doomed:
        _signal(pid, signal.SIGKILL)
    assert server.process is not None
    server.process.wait()
    server.process = None
    deadline = time.monotonic() + 10
    while any(_lives(pid) for pid in doomed) and time.monotonic() < deadline:
        time.sleep(0.01)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def statement(server: Server, sql: str) -> list[tuple[Any, ...]]:
    """Run one statement in a session of its own, past every proxy."""
    with database_session(server) as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def database_session(server: Server) -> Iterator[Any]:
    connection: Any = server.connect(server)
    try:
        if server.name == "postgres":
            connection.autocommit = True
        yield connection.cursor()
    finally:
        connection.close()


@contextmanager
def valkey_session(server: Server) -> Iterator[Any]:
    client: Any = server.connect(server)
    try:
        yield client
    finally:
        client.close()


def run_program(command: list[str | Path], server: Server, cwd: Path) -> None:
    """A program of PostgreSQL, as the servers' user."""
    from tests.server_process import unprivileged_user

    environment = {**os.environ, "PGPASSWORD": server.password}
    done = subprocess.run(
        command, cwd=cwd, env=environment, user=unprivileged_user(), capture_output=True, timeout=60, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-500:]}")
