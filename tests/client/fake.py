"""A server for client tests: the refresh rules that a client meets, in memory, with failures on demand."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import httpx

BASE = "https://server.test/auth/"
API = "https://server.test/api/posts/"
PASSWORD = "correct horse battery"
LIFETIME = 300.0


class Clock:
    """Seconds that pass only when told to; sleeping passes them."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class FakeServer(httpx.BaseTransport):
    """One user, one session at a time. `faults` and `lost` are used up one per refresh."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session = 0
        self.counter = 0
        self.alive = False
        self.key: str | None = None
        self.accesses = 0
        self.valid: set[str] = set()
        self.revoked: set[str] = set()
        self.requests: list[httpx.Request] = []
        self.faults: list[Callable[[httpx.Request], httpx.Response | None]] = []
        self.lost: list[bool] = []
        self.code_for_invalid = "token_expired"
        #: Over HTTP: holds answers to refused calls until this many were refused.
        self.meet_at_401: threading.Barrier | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        with self.lock:
            self.requests.append(request)
            path = request.url.path
            if path == "/auth/login/":
                return self.login(json.loads(request.content))
            if path == "/auth/refresh/":
                return self.faulty_refresh(request)
            if path == "/auth/logout/":
                return self.logout(request)
            return self.call(request)

    def calls(self, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == path]

    @property
    def refreshes(self) -> list[httpx.Request]:
        return self.calls("/auth/refresh/")

    @property
    def keys(self) -> list[str]:
        return [request.headers["Idempotency-Key"] for request in self.refreshes]

    def expire_access(self, code: str = "token_expired") -> None:
        self.valid.clear()
        self.code_for_invalid = code

    def login(self, body: dict[str, str]) -> httpx.Response:
        if body.get("password") != PASSWORD:
            return refused("invalid_credentials")
        self.session, self.counter, self.alive, self.key = self.session + 1, 0, True, None
        return self.grant()

    def faulty_refresh(self, request: httpx.Request) -> httpx.Response:
        if self.faults and (answer := self.faults.pop(0)(request)) is not None:
            return answer
        answer = self.refresh(request)
        if self.lost and self.lost.pop(0):
            raise httpx.ReadError("the answer was lost", request=request)
        return answer

    def refresh(self, request: httpx.Request) -> httpx.Response:
        _, session, counter = json.loads(request.content)["refresh"].split(":")
        key = request.headers.get("Idempotency-Key")
        if int(session) != self.session or not self.alive:
            return refused("token_revoked")
        if int(counter) == self.counter:
            self.counter, self.key = self.counter + 1, key
            return self.grant()
        if int(counter) == self.counter - 1 and key is not None and key == self.key:
            return self.grant()
        self.alive = False
        return refused("refresh_reused")

    def logout(self, request: httpx.Request) -> httpx.Response:
        self.alive = False
        self.valid.clear()
        self.code_for_invalid = "token_revoked"
        return httpx.Response(204)

    def call(self, request: httpx.Request) -> httpx.Response:
        header = request.headers.get("Authorization")
        if header is None:
            return refused("not_authenticated")
        if header.removeprefix("Bearer ") not in self.valid:
            return refused(self.code_for_invalid)
        return httpx.Response(200, json={"echo": request.content.decode()})

    def grant(self) -> httpx.Response:
        self.accesses += 1
        access = f"access-secret-{self.accesses}"
        self.valid.add(access)
        return httpx.Response(
            200,
            json={
                "access": access,
                "refresh": f"refresh-secret:{self.session}:{self.counter}",
                "expires_in": LIFETIME,
                "token_type": "Bearer",
                "session": str(self.session),
                "user": {"username": "alice"},
                "claims": {"roles": ["author"]},
            },
        )


def refused(code: str) -> httpx.Response:
    return httpx.Response(401, json={"detail": f"No: {code}.", "code": code})


def answers(status: int, headers: dict[str, str] | None = None, text: str = "") -> Callable[..., httpx.Response]:
    """A fault: this answer instead of a refresh."""
    return lambda request: httpx.Response(status, headers=headers, text=text)


def unreachable(request: httpx.Request) -> httpx.Response:
    """A fault: the request never arrives."""
    raise httpx.ConnectError("connection refused", request=request)


class HttpHandler(BaseHTTPRequestHandler):
    """The fake server over HTTP."""

    fake: ClassVar[FakeServer]

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = f"http://{self.headers['Host']}{self.path}"
        response = self.fake.handle_request(
            httpx.Request(self.command, url, headers=list(self.headers.items()), content=content)
        )
        if response.status_code == 401 and self.fake.meet_at_401:
            self.fake.meet_at_401.wait(timeout=60)
        self.send_response(response.status_code)
        self.send_header("Content-Length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
