"""Starts gunicorn in each of its ways and talks to its workers through real sockets."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..databases import TestDatabase
from ..fleet.crew import ROOT
from ..fleet.kit import eventually
from ..fleet.worker import boot_clock
from ..server_process import die_with_parent

CONFIG = Path(__file__).with_name("gunicorn.conf.py")
#: Arguments of gunicorn. Two workers each.
KINDS = {
    "sync": [],
    "gthread": ["--worker-class", "gthread", "--threads", "4"],
    "preload": ["--preload"],
    "preload, master reads": ["--preload"],
    "uvicorn": ["--worker-class", "uvicorn_worker.UvicornWorker", "tests.servers_follow.asgi"],
    "gevent": ["--worker-class", "gevent"],
}
#: Seconds for one answer, and for a server's end; far more than any takes.
PATIENCE = 60.0
#: How many clients a crowd is.
CROWD = 3


class Answer(NamedTuple):
    """Times are seconds on `boot_clock`."""

    pid: int
    status: int
    body: Any
    began: float
    ended: float


class Served:
    """One running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, output: Path) -> None:
        self.process = process
        self.port = port
        self.output = output

    def ask(self, path: str, token: str = "", body: Any = None) -> Answer:
        """One request on a connection of its own; POST if there is a body. Raises OSError when nobody answers."""
        headers = {"Connection": "close"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        began = boot_clock()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, payload, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        is_json = "json" in (response.getheader("Content-Type") or "")
        pid = int(response.getheader("X-Worker") or 0)
        return Answer(pid, response.status, json.loads(text) if is_json else text.decode(), began, boot_clock())

    def workers(self) -> set[int]:
        """The processes that gunicorn's master has started."""
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def each(self, path: str, token: str, fact: Callable[[Answer], bool] = lambda answer: True) -> dict[int, Answer]:
        """Ask until every worker has given an answer of which `fact` holds; those answers."""
        found: dict[int, Answer] = {}

        def complete() -> bool:
            for answer in at_once([lambda: self.ask(path, token)] * 4):
                if fact(answer):
                    found[answer.pid] = answer
            return set(found) >= self.workers()

        eventually(complete)
        return found

    def reload(self) -> None:
        """SIGHUP; returns when the old workers are gone and as many new ones are there."""
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(self.workers()) == len(before) and not self.workers() & before)

    def end(self) -> str:
        """SIGTERM, as a deployment does; what the server has printed. It must end by itself, without an error."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        return self.output.read_text()


def at_once(actions: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """What each of them got, in threads of their own."""
    with ThreadPoolExecutor(len(actions)) as pool:
        return [waiting.result() for waiting in [pool.submit(action) for action in actions]]


@contextmanager
def serving(
    kind: str, database: TestDatabase, lanyard: dict[str, Any] | None = None, **environment: str
) -> Iterator[Served]:
    """A server of that kind with two workers, answering."""
    variables = {
        **database.environment(),
        "DJANGO_SETTINGS_MODULE": "tests.servers_follow.settings",
        "LANYARD_TEST_SETTINGS": json.dumps(lanyard or {}),
        **environment,
    }
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output")
        command = [sys.executable, "-m", "gunicorn", "--config", str(CONFIG), "--bind", f"fd://{listener.fileno()}"]
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, *KINDS[kind]],
                cwd=ROOT,
                env=variables,
                stdout=file,
                stderr=file,
                pass_fds=[listener.fileno()],
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        port = listener.getsockname()[1]
        listener.close()
        served = Served(process, port, output)
        try:
            eventually(lambda: answers(served))
            yield served
        finally:
            stop(process)


def answers(served: Served) -> bool:
    assert served.process.poll() is None, served.output.read_text()
    return served.ask("/still/").status == 200 and len(served.workers()) == 2


def stop(process: subprocess.Popen[bytes]) -> None:
    """Whatever state it is in."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Crowd:
    """Clients that present one token all the time, from several connections at once."""

    def __init__(self, served: Served, token: str, *, path: str = "/protected/") -> None:
        self.answers: list[Answer] = []
        self._served, self._path, self._token, self._goes_on = served, path, token, True
        self._threads = [threading.Thread(target=self._run) for _ in range(CROWD)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._goes_on = False
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while self._goes_on:
            self.answers.append(self._served.ask(self._path, self._token))
            time.sleep(0.005)

    def from_each(self, status: int) -> dict[int, list[Answer]]:
        """The answers with that status, once every worker has given one; in the order of their begin."""
        seen: dict[int, list[Answer]] = {}

        def complete() -> bool:
            seen.clear()
            for answer in sorted(self.answers, key=lambda answer: answer.began):
                if answer.status == status:
                    seen.setdefault(answer.pid, []).append(answer)
            return set(seen) >= self._served.workers()

        eventually(complete)
        return seen
