"""Requests over connections that are kept, each noted in a history. One instance serves one thread."""

import http.client
import json
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .history import Operation, name_of, now, to_line

#: Seconds until a request counts as one of unknown outcome; more than READ_TIMEOUT.
PATIENCE = 5.0
#: What exchanges a refresh token. (A sign-out takes tokens too, dead ones as well: that is no attempt to get in.)
REFRESHES = frozenset({"refresh", "replay"})


class Log:
    """A file of operations, for all threads of a process."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)
        self._lock = threading.Lock()

    def write(self, operation: Operation) -> None:
        with self._lock:
            self._file.write(to_line(operation) + "\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Caller:
    """Talks to every worker; `ports[i]` is where worker i listens."""

    def __init__(self, ports: Sequence[int], log: Log, *, patience: float = PATIENCE) -> None:
        self.ports = ports
        self._log = log
        self._patience = patience
        self._lines: dict[int, http.client.HTTPConnection] = {}
        #: When each worker has last failed to answer.
        self.silent: dict[int, float] = {}

    def request(
        self,
        kind: str,
        worker: int,
        path: str,
        body: Any = None,
        *,
        user: int,
        access: str = "",
        key: str = "",
        session: str = "",
    ) -> tuple[Operation, Any]:
        """Send it, note it, return both the note and the body of the answer ({} if there is none)."""
        headers = {"Content-Type": "application/json"}
        if access:
            headers["Authorization"] = f"Bearer {access}"
        if key:
            headers["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        start, status, answer = self._exchange(worker, path, data, headers)
        issued, successor = answer.get("access", ""), answer.get("refresh", "")
        parent = body["refresh"] if kind in REFRESHES else ""
        operation = Operation(
            kind=kind,
            user=user,
            worker=worker,
            start=start,
            end=now(),
            status=status,
            code=answer.get("code", ""),
            session=session or answer.get("session", ""),
            token=name_of(access) if access and kind != "logout" else "",
            issued=name_of(issued) if issued else "",
            parent=name_of(parent) if parent else "",
            successor=name_of(successor) if successor else "",
            key=key,
        )
        self._log.write(operation)
        return operation, answer

    def _exchange(self, worker: int, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[float, int, Any]:
        start = now()
        try:
            line = self._line(worker)
            start = now()
            line.request("GET" if data is None else "POST", path, data, headers)
            response = line.getresponse()
            text = response.read()
            answer = json.loads(text) if text else {}
            return start, response.status, answer if isinstance(answer, dict) else {}
        except (OSError, http.client.HTTPException, ValueError):
            self.silent[worker] = now()
            self.drop(worker)
            return start, 0, {}

    def _line(self, worker: int) -> http.client.HTTPConnection:
        line = self._lines.get(worker)
        if line is None:
            line = http.client.HTTPConnection("127.0.0.1", self.ports[worker], timeout=self._patience)
            line.connect()
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines[worker] = line
        return line

    def drop(self, worker: int) -> None:
        line = self._lines.pop(worker, None)
        if line is not None:
            line.close()

    def close(self) -> None:
        for worker in list(self._lines):
            self.drop(worker)
