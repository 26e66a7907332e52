"""The table of faults. Each is one small function; what it may cost is in its row."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .clocks import HOUR, clock_moved
from .history import now
from .network import forgotten, in_mode, one_to_database, one_to_valkey, to_database, to_valkey
from .scene import Fault, Scene
from .servers import Server, database_session, frozen, kill, statement, stopped, valkey_session
from .standby import lost_commits

#: MariaDB's number for a connection that there is not.
NO_SUCH_THREAD = 1094


@contextmanager
def nothing(scene: Scene) -> Iterator[None]:
    yield


def valkey_of(scene: Scene) -> Server:
    assert scene.fleet.valkey is not None
    return scene.fleet.valkey


# Killed and frozen


@contextmanager
def valkey_killed(scene: Scene) -> Iterator[None]:
    kill(valkey_of(scene))
    try:
        yield
    finally:
        valkey_of(scene).start()


@contextmanager
def database_killed(scene: Scene) -> Iterator[None]:
    kill(scene.fleet.database)
    try:
        yield
    finally:
        scene.fleet.database.start()


@contextmanager
def valkey_stopped(scene: Scene) -> Iterator[None]:
    with stopped(valkey_of(scene)):
        yield


@contextmanager
def database_stopped(scene: Scene) -> Iterator[None]:
    with stopped(scene.fleet.database):
        yield


@contextmanager
def backend_stopped(scene: Scene) -> Iterator[None]:
    """The backend that some worker's reader talks to."""
    find = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT NULL AS uid%' ORDER BY pid"
    pids: list[int] = []
    patience = now() + 10
    while not pids and now() < patience:  # it may be at another statement just now
        pids = [pid for (pid,) in statement(scene.fleet.database, find)]
    assert pids, "no worker reads"
    with frozen(scene.dice.choice(pids)):
        yield


@contextmanager
def worker_stopped(scene: Scene) -> Iterator[None]:
    with frozen(scene.dice.choice(scene.fleet.workers).pid):
        yield


# Connections ended, data gone


@contextmanager
def again_and_again(scene: Scene, action: Callable[[], Any], every: float = 0.5) -> Iterator[None]:
    """Until the block is left."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            try:
                action()
            except Exception as error:
                scene.failures.append(f"{action.__name__} failed: {error!r}")
            over.wait(every)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def subscribers_killed(scene: Scene) -> Iterator[None]:
    def end_all() -> None:
        with valkey_session(valkey_of(scene)) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    with again_and_again(scene, end_all):
        yield


@contextmanager
def backends_terminated(scene: Scene) -> Iterator[None]:
    server = scene.fleet.database

    def end_all() -> None:
        if server.name == "postgres":
            find = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            statement(server, f"{find} AND backend_type = 'client backend'")
            return
        with database_session(server) as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND db <> ''")
            for (identifier,) in cursor.fetchall():
                try:
                    cursor.execute(f"KILL {identifier}")
                except Exception as error:
                    if error.args[0] != NO_SUCH_THREAD:  # it has ended meanwhile
                        raise

    with again_and_again(scene, end_all):
        yield


@contextmanager
def flushed(scene: Scene) -> Iterator[None]:
    def flush() -> None:
        with valkey_session(valkey_of(scene)) as client:
            client.flushall()

    with again_and_again(scene, flush):
        yield


# Somebody else


@contextmanager
def slow_consumer(scene: Scene) -> Iterator[None]:
    """Somebody listens to everything and reads nothing of it."""
    if scene.fleet.plan.push == "postgres":
        with database_session(scene.fleet.database) as cursor:
            cursor.execute("LISTEN drf_lanyard")
            cursor.execute("BEGIN")  # an open transaction keeps the queue from being cleared
            yield
        return
    server = valkey_of(scene)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.connect((server.host, server.port))
        deaf.sendall(f"AUTH {server.password}\r\nPSUBSCRIBE *\r\n".encode())
        yield


# The table

VALKEY, PUSH, POSTGRES = frozenset({"valkey"}), frozenset({"push"}), frozenset({"postgres"})

FAULTS: tuple[Fault, ...] = (
    Fault(name="calm", inject=nothing, loses="nothing"),
    Fault(name="valkey killed", inject=valkey_killed, loses="nothing", felt=("valkey refuses",), needs=VALKEY),
    Fault(
        name="valkey stopped", inject=valkey_stopped, loses="nothing", felt=("valkey frozen",), lasts=10, needs=VALKEY
    ),
    Fault(name="valkey flushed", inject=flushed, loses="nothing", felt=("valkey flushed",), needs=VALKEY),
    Fault(
        name="valkey subscribers killed",
        inject=subscribers_killed,
        loses="nothing",
        felt=("valkey subscribers ended",),
        needs=VALKEY,
    ),
    Fault(
        name="valkey silent", inject=in_mode("hold", to_valkey), loses="nothing", felt=("valkey hold",), needs=VALKEY
    ),
    Fault(
        name="valkey 2 s late",
        inject=in_mode("delay", to_valkey),
        loses="nothing",
        felt=("valkey delay",),
        needs=VALKEY,
    ),
    Fault(
        name="valkey answers cut",
        inject=in_mode("hold_answers", to_valkey),
        loses="nothing",
        felt=("valkey hold_answers",),
        needs=VALKEY,
    ),
    Fault(
        name="valkey half-open", inject=forgotten(to_valkey), loses="nothing", felt=("valkey forgotten",), needs=VALKEY
    ),
    Fault(
        name="valkey silent for one worker",
        inject=in_mode("hold", one_to_valkey),
        loses="nothing",
        felt=("valkey hold at one worker",),
        needs=VALKEY,
    ),
    Fault(name="slow consumer", inject=slow_consumer, loses="nothing", felt=("deaf listener",), needs=PUSH),
    Fault(
        name="database killed", inject=database_killed, loses="database", felt=("database refuses", "503", "worker out")
    ),
    Fault(
        name="database stopped",
        inject=database_stopped,
        loses="database",
        felt=("database frozen", "503", "worker out"),
        lasts=10,
    ),
    Fault(
        name="a reader's backend stopped",
        inject=backend_stopped,
        loses="worker",
        felt=("database backend frozen",),
        lasts=10,
        needs=POSTGRES,
    ),
    Fault(
        name="database backends terminated",
        inject=backends_terminated,
        loses="database",
        felt=("database sessions ended",),
    ),
    Fault(
        name="database silent",
        inject=in_mode("hold", to_database),
        loses="database",
        felt=("database hold", "503", "worker out"),
    ),
    Fault(
        name="database 2 s late", inject=in_mode("delay", to_database), loses="database", felt=("database delay", "503")
    ),
    Fault(
        name="database answers cut",
        inject=in_mode("hold_answers", to_database),
        loses="database",
        felt=("database hold_answers", "503", "worker out"),
    ),
    Fault(
        name="database half-open", inject=forgotten(to_database), loses="database", felt=("database forgotten", "503")
    ),
    Fault(
        name="database silent for one worker",
        inject=in_mode("hold", one_to_database),
        loses="worker",
        felt=("database hold at one worker", "503", "worker out"),
    ),
    Fault(name="worker stopped", inject=worker_stopped, loses="worker", felt=("worker frozen", "worker out"), lasts=10),
    Fault(name="clock +1 h in one worker", inject=clock_moved(HOUR), loses="nothing", felt=("clock moved",)),
    Fault(name="clock -1 h in one worker", inject=clock_moved(-HOUR), loses="nothing", felt=("clock moved",)),
    Fault(
        name="lost commits",
        inject=lost_commits,
        loses="database",
        felt=("database refuses", "standby hold", "another timeline", "503"),
        lasts=2,
        needs=POSTGRES | {"standby"},
    ),
)


def named(*names: str) -> list[Fault]:
    table = {fault.name: fault for fault in FAULTS}
    return [table[name] for name in names]
