"""What the browser talks to: the demo, and pages that somebody else has put on the web."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Seconds; only a broken demo takes this long.
PATIENCE = 60


@dataclass(frozen=True)
class Site:
    """A page of somebody else's. The same port under both names: to a browser these are two sites."""

    port: int

    @property
    def same_site(self) -> str:
        """Another origin than the demo's at 127.0.0.1, on the same site."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_site(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def origins(self) -> str:
        return f"{self.same_site} {self.other_site}"


@contextmanager
def serving(var: Path, **environment: str) -> Iterator[str]:
    """The demo with a folder of its own, as two worker processes; its base URL."""
    env = {**os.environ, "DEMO_VAR": str(var), **environment}
    command = [sys.executable, "-m", "tests.browser.serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    overdue = threading.Timer(PATIENCE, process.terminate)
    overdue.start()
    try:
        with process.stdout as output:
            base = output.readline().strip()
            overdue.cancel()
            assert base.startswith("http://"), "The demo did not start; what it wrote is above."
            yield base
            process.terminate()
    finally:
        overdue.cancel()
        process.terminate()
        process.wait(PATIENCE)


class _Blank(BaseHTTPRequestHandler):
    """An empty page. What it does, a test tells it."""

    def do_GET(self) -> None:
        body = b"<!doctype html><html lang=en><title>Elsewhere</title><h1>Elsewhere</h1></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def elsewhere() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Site(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
