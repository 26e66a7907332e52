import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ..server_process import die_with_parent

ROOT = Path(__file__).parents[2]
PASSWORD = "wonderland"
#: Seconds; only a broken demo takes this long.
PATIENCE = 60
END = "<the output ends>"


class Demo:
    """`python -m demo.serve` on a port of its own choice, with a folder of its own."""

    def __init__(self, var: Path, *arguments: str) -> None:
        self.env = {**os.environ, "DEMO_VAR": str(var), "PYTHONUNBUFFERED": "1", "DEMO_PASSWORD": PASSWORD}
        self.env.pop("DJANGO_SETTINGS_MODULE", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo.serve", *(arguments or ["--port", "0"])],
            cwd=ROOT, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )  # fmt: skip
        self.lines: list[str] = []
        self._arriving: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._arriving.put(line.rstrip("\n"))
        self._arriving.put(END)

    def until(self, beginning: str) -> str:
        """Read lines until one begins like this, and return it; what came before is in `lines`."""
        while True:
            line = self._arriving.get(timeout=PATIENCE)
            if line.startswith(beginning):
                return line
            if line is END:
                pytest.fail("\n".join(["The demo ended by itself:", *self.lines]))
            self.lines.append(line)

    def wait_until_serving(self) -> str:
        """The base URL, without a slash at its end."""
        return self.until("Serving http://").split()[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it if it still runs; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def mobile(self, base: str, file: Path, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "demo.mobile", "--server", base, "--file", str(file), *command],
            cwd=ROOT, env=self.env, text=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo") / "var")
    yield demo
    demo.stop()


@pytest.fixture(scope="module")
def base(demo: Demo) -> str:
    return demo.wait_until_serving()


@pytest.fixture
def http(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def sign_in(http: httpx.Client) -> Callable[..., dict[str, str]]:
    """Sign in; the answer's body, with the header to send under `header`."""

    def sign_in(name: str, device: str = "") -> dict[str, str]:
        response = http.post("/auth/login/", json={"username": name, "password": PASSWORD, "device": device})
        assert response.status_code == 200, response.text
        body = response.json()
        return {**body, "header": {"Authorization": f"Bearer {body['access']}"}}

    return sign_in
