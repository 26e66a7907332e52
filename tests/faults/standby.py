"""A failover that loses commits: an asynchronous standby of PostgreSQL stops receiving before the primary dies."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.server_process import Server, data_folder, free_port

from .checker import Interval
from .fleet import until
from .history import now
from .proxy import Proxy, Route
from .scene import Scene
from .servers import kill, run_program, statement

#: Seconds in which revocations are committed on the primary alone.
UNREPLICATED = 2.0


@dataclass(kw_only=True)
class Standby:
    server: Server
    route: Route


def is_possible(primary: Server) -> str | None:
    """None, or why there can be no standby."""
    if primary.name != "postgres":
        return "only PostgreSQL is run with a standby"
    program = Path(primary.command[0]).with_name("pg_basebackup")
    return None if program.exists() else f"{program} does not exist"


def start_standby(primary: Server, proxy: Proxy, parent: Path) -> Standby:
    """A copy of the primary that follows it through a route of its own."""
    folder, port = data_folder(parent, "standby"), free_port()
    route = proxy.route(primary.port)
    programs = Path(primary.command[0]).parent
    copy: list[str | Path] = [programs / "pg_basebackup", "-h", "127.0.0.1", "-p", str(route.port)]
    copy += ["-U", primary.user, "-D", folder / "data", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"]
    run_program(copy, primary, folder)
    command = [str(part) for part in primary.command]
    command[2] = str(folder / "data")
    replaced = {f"port={primary.port}": f"port={port}", f"unix_socket_directories={primary.folder}": ""}
    for old, new in replaced.items():
        command[command.index(old)] = new or f"unix_socket_directories={folder}"
    server = Server(
        name="postgres",
        folder=folder,
        command=list(command),
        stop_signal=signal.SIGINT,
        port=port,
        connect=primary.connect,
    )
    server.start()
    return Standby(server=server, route=route)


@contextmanager
def lost_commits(scene: Scene) -> Iterator[None]:
    """The standby stops receiving; what is committed then is lost; the primary dies; the standby takes over."""
    fleet = scene.fleet
    primary = fleet.database
    made = start_standby(primary, fleet.proxy, fleet.folder)
    try:
        _until_it_follows(primary, made.server)
        began = now()
        fleet.proxy.set_mode([made.route], "hold")
        until(began + UNREPLICATED)
        kill(primary)
        yield
        statement(made.server, "SELECT pg_promote(true, 30)")
        fleet.database = made.server
        fleet.proxy.redirect(fleet.database_routes, made.server.port)
        scene.lost_commits.append(Interval(start=began, end=now()))
    except BaseException:
        with suppress(Exception):
            made.server.stop()
        raise


def _until_it_follows(primary: Server, standby: Server) -> None:
    [(wanted,)] = statement(primary, "SELECT pg_current_wal_lsn()::text")
    deadline = now() + 30
    while now() < deadline:
        if statement(standby, f"SELECT pg_last_wal_replay_lsn() >= '{wanted}'::pg_lsn") == [(True,)]:
            return
        until(now() + 0.05)
    raise RuntimeError("the standby does not follow")
