"""Workers behind proxies, and clients that keep them busy: started together, stopped together."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.server_process import Server, die_with_parent

from . import history
from .proxy import Proxy, Route
from .servers import address

ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds in which a process has to say that it is ready.
START = 60.0
USERS_PER_CLIENT = 400


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run, but for its faults."""

    seed: int
    #: None (each process polls), "redis" or "postgres".
    push: str | None = None
    bug: str | None = None
    workers: int = 8
    clients: int = 2
    actors: int = 4
    #: Requests per second of each actor, at most.
    rate: float = 25.0
    lease: float = 1.0


class Process:
    """A child that ends when its standard input does, and in any case with us."""

    def __init__(self, module: str, *arguments: str, environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", f"tests.faults.{module}", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def line(self) -> Any:
        assert self.popen.stdout is not None
        ready, _, _ = select.select([self.popen.stdout], [], [], START)
        text = self.popen.stdout.readline() if ready else b""
        if not text:
            raise RuntimeError("a process has not started; see its log")
        return json.loads(text)

    def tell(self, value: Any) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(value).encode() + b"\n")
        self.popen.stdin.flush()

    def stop(self, patience: float = 15.0) -> None:
        """Let it end by itself, or kill it."""
        assert self.popen.stdin is not None and self.popen.stdout is not None
        self.popen.send_signal(signal.SIGCONT)
        self.popen.stdin.close()
        try:
            self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()


@dataclass(kw_only=True)
class Fleet:
    """What faults act on. `database` is the server that the routes lead to now."""

    plan: Plan
    folder: Path
    proxy: Proxy
    database: Server
    valkey: Server | None
    database_routes: list[Route]
    valkey_routes: list[Route]
    workers: list[Process] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    users: list[tuple[int, str]] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def operations(self) -> list[history.Operation]:
        return history.read(self.logs)

    def has_lost_a_worker(self) -> bool:
        return any(worker.popen.poll() is not None for worker in self.workers)


@contextmanager
def fleet(plan: Plan, folder: Path, database: Server, valkey: Server | None) -> Iterator[Fleet]:
    """Everything running, the clients too; all of it has ended afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        proxy = Proxy()
        stack.callback(proxy.close)
        made = Fleet(
            plan=plan,
            folder=folder,
            proxy=proxy,
            database=database,
            valkey=valkey,
            database_routes=[proxy.route(database.port) for _ in range(plan.workers)],
            valkey_routes=[proxy.route(valkey.port) for _ in range(plan.workers)] if valkey else [],
        )
        made.users = _prepare(made)
        for number in range(plan.workers):
            worker = Process("worker", environment=_environment(made, number), log=folder / f"worker-{number}.log")
            stack.callback(worker.stop, 2.0)
            made.workers.append(worker)
        made.ports = [worker.line()["port"] for worker in made.workers]
        for number in range(plan.clients):
            client = _client(made, number)
            stack.callback(client.stop)
        yield made


def _prepare(made: Fleet) -> list[tuple[int, str]]:
    """The tables, and users of this fleet's own: those of the driver first."""
    count = 2 + made.plan.clients * USERS_PER_CLIENT
    environment = {**_environment(made, 0), "LANYARD_FAULTS": "{}"}
    environment["LANYARD_TEST_DATABASE"] = json.dumps(address(made.database, made.database.port))
    process = Process("prepare", str(count), environment=environment, log=made.folder / "prepare.log")
    try:
        return [(pk, name) for pk, name in process.line()]
    except RuntimeError:
        raise RuntimeError((made.folder / "prepare.log").read_text()[-2000:]) from None
    finally:
        process.stop()


def _environment(made: Fleet, number: int) -> dict[str, str]:
    plan = made.plan
    chosen = {"lease": plan.lease, "bug": plan.bug, "push_url": _push_url(made, number)}
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "LANYARD_TEST_DATABASE": json.dumps(address(made.database, made.database_routes[number].port)),
        "LANYARD_FAULTS": json.dumps(chosen),
    }


def _push_url(made: Fleet, number: int) -> str | None:
    if made.plan.push != "redis":
        return made.plan.push
    assert made.valkey is not None
    return f"redis://:{made.valkey.password}@127.0.0.1:{made.valkey_routes[number].port}/0"


def _client(made: Fleet, number: int) -> Process:
    plan, log = made.plan, made.folder / f"client-{number}.jsonl"
    made.logs.append(log)
    start = 2 + number * USERS_PER_CLIENT
    chosen = {
        "seed": f"{plan.seed}-{number}",
        "ports": made.ports,
        "log": str(log),
        "users": made.users[start : start + USERS_PER_CLIENT],
        "actors": plan.actors,
        "rate": plan.rate,
        "lease": plan.lease,
    }
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.faults.settings"}
    process = Process("client", environment=environment, log=made.folder / f"client-{number}.log")
    process.tell(chosen)
    return process


def until(moment: float) -> None:
    """Sleep until `history.now()` is there."""
    while (left := moment - history.now()) > 0:
        time.sleep(min(left, 0.2))
