"""One server process of the tests: started as an unprivileged user, ended with this process however that ends.

Servers refuse to run as root, so root drops to another user. They are stopped by whoever started them, by atexit, or
by the kernel's parent-death signal after a crash.
"""

import atexit
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """This server cannot be had on this machine; the message says why."""


def unprivileged_user() -> str | None:
    """The user that servers run as when we are root; None to run them as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("nobody", "postgres", "mysql") if name in names), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent(with_signal: int) -> Callable[[], None]:
    """A preexec function: the kernel sends the signal to the child when this process is gone (Linux only)."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, with_signal)

    return prepare


def run(command: list[str | Path], log: Path) -> None:
    """Run one set-up command as the servers' user; raises Unavailable with the end of its output when it fails."""
    user = unprivileged_user()
    with log.open("ab") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, user=user, cwd=log.parent, timeout=120
        )
    if done.returncode:
        raise Unavailable(f"{command[0]} failed with {done.returncode}: {log.read_text(errors='replace')[-800:]}")


class Closable(Protocol):
    def close(self) -> None: ...


@dataclass(kw_only=True)
class Server:
    """One server process. `stop` and `start` may be called again and again on the same data and port."""

    name: str
    folder: Path
    command: list[str | Path]
    stop_signal: signal.Signals
    port: int
    connect: "Callable[[Server], Closable]" = field(repr=False)
    user: str = "lanyard"
    password: str = "lanyard"
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    owner: int = field(default_factory=os.getpid)

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def start(self) -> None:
        """Start and wait until a client can connect; raises Unavailable."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                user=unprivileged_user(),
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop_signal),
            )
        atexit.register(self.stop)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Unavailable(f"{self.name} did not start: {self.log.read_text(errors='replace')[-800:]}")
            time.sleep(0.05)

    def ready(self) -> bool:
        """Whether a client gets in: PostgreSQL listens before it lets anybody in."""
        try:
            self.connect(self).close()
        except Exception as error:
            # What both database drivers call it; the other two are redis-py's, while it starts.
            if type(error).__name__ not in ("OperationalError", "ConnectionError", "BusyLoadingError"):
                raise
            return False
        return True

    def stop(self) -> None:
        """Stop the server and what it started, by process group. Does nothing in a forked child."""
        atexit.unregister(self.stop)
        if self.process is None or os.getpid() != self.owner:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None


def data_folder(parent: Path, name: str) -> Path:
    """An empty folder owned by the servers' user."""
    folder = parent / name
    folder.mkdir(mode=0o700)
    user = unprivileged_user()
    if user:
        shutil.chown(folder, user)
    return folder
