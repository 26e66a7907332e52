"""Does what a page of the documentation tells its reader to do, and compares what comes out."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from ..server_process import die_with_parent

ROOT = Path(__file__).parents[2]
#: Where the pages say that the server listens; each walk has a port of its own.
ADDRESS = "127.0.0.1:8000"
#: Seconds for one command, and for a server to answer.
TIMEOUT = 120.0
_FILE = re.compile(r"# ([\w/]+\.py)(, at the end)?\n")
#: Commands that go on until they are stopped, as they are run here, and what they say when they are ready.
_SERVERS = {
    "python manage.py runserver": ("python -u manage.py runserver --noreload {address}", "Quit the server"),
    "make demo": ("python -m demo.serve --port {port}", "Serving http"),
}


class Walk:
    """A reader at a shell in `folder`.

    `python` blocks that start with the comment `# path/of/a/file.py` are written there (or appended, with ", at the
    end"); others are executed here. `console` blocks hold commands after "$ " (continued after "> ") and what they
    print, where "..." stands for anything.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self._state = folder / ".shell"
        self._state.touch()
        self._servers: list[subprocess.Popen[bytes]] = []
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "LANYARD_", "PYTHONWARN"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = kept | {"PATH": path, **environment}

    def page(self, name: str) -> int:
        """Walk through a page (a path in the repository); how many blocks there were."""
        parsers = [CodeBlockParser("python", self.python), CodeBlockParser("console", self.console)]
        examples = list(Sybil(parsers).parse(ROOT / name).examples())
        for example in examples:
            example.evaluate()
        return len(examples)

    def python(self, example: Example) -> None:
        found = _FILE.match(example.parsed)
        if found is None:
            example.parsed = type(example.parsed)(
                self._here(example.parsed), example.parsed.offset, example.parsed.line_offset
            )
            PythonEvaluator()(example)
            return
        path = self.folder / found[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if found[2] else "w") as file:
            file.write(("\n" if found[2] else "") + example.parsed[found.end() :])

    def console(self, example: Example) -> None:
        for command, expected in commands(example.parsed):
            if command in _SERVERS:
                self.serve(command)
                continue
            printed = self.run(self._here(command))
            wanted = self._here(expected)
            assert matches(wanted, printed), f"{command}\nshould print\n{wanted}\nand printed\n{printed}"

    def run(self, command: str) -> str:
        """What a shell command prints; variables and functions live on. Raises if it fails."""
        script = (
            f". {self._state} 2>/dev/null\n{command}\ncode=$?\n{{ export -p; declare -f; }} > {self._state}\nexit $code"
        )
        done = subprocess.run(
            ["bash", "-a", "-c", script],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            text=True,
        )
        assert done.returncode == 0, f"{command}\nexit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def serve(self, command: str) -> None:
        """Start a server and wait until it is ready. One that runs already ends: the reader starts it anew."""
        self.close()
        line, ready = _SERVERS[command]
        path = self.folder / ".server"
        with path.open("wb") as log:
            server = subprocess.Popen(
                line.format(port=self.port, address=f"127.0.0.1:{self.port}").split(),
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self._servers.append(server)
        deadline = time.monotonic() + TIMEOUT
        while ready not in path.read_text():
            assert server.poll() is None, path.read_text()
            assert time.monotonic() < deadline, f"{line}: not ready.\n{path.read_text()}"
            time.sleep(0.05)

    def close(self) -> None:
        for server in self._servers:
            server.send_signal(signal.SIGTERM)
        for server in self._servers:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self._servers.clear()

    def copy(self, folder: Path) -> "Walk":
        """A second reader who has done the same so far; servers are not copied."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Walk(folder)

    def _here(self, text: str) -> str:
        return text.replace(ADDRESS, f"127.0.0.1:{self.port}")


def commands(block: str) -> list[tuple[str, str]]:
    """(command, what it prints) for each "$ " of a console block."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", "")
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def matches(wanted: str, printed: str) -> bool:
    pattern = ".*".join(map(re.escape, wanted.strip().split("...")))
    return re.fullmatch(pattern, "\n".join(map(str.rstrip, printed.strip().splitlines())), re.DOTALL) is not None
