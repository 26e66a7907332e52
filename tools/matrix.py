"""Run the suite under every supported Python x Django: `python tools/matrix.py [pytest arguments]`.

Needs nothing but the standard library. An interpreter that is not there is skipped, and the last lines say so.
Exits 1 when any run was red, or when there was none at all.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MATRIX = (("3.11", "5.2"), ("3.12", "6.0"), ("3.13", "6.1"))


def candidates(version: str) -> Iterator[Path]:
    """Where a Python of this version may be: on PATH, or among pyenv's, selected or not."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield Path(folder) / f"python{version}"
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        yield from sorted(Path(root, "versions").glob(f"{version}.*/bin/python"), reverse=True)


def find(version: str) -> Path | None:
    """The first that really is that version and can make environments: a pyenv shim may stand for one not selected."""
    check = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for path in candidates(version):
        if path.exists():
            answer = subprocess.run([path, "-c", check], capture_output=True, text=True)
            if answer.returncode == 0 and answer.stdout.strip() == version:
                return path
    return None


def environment(base: Path, version: str, django: str) -> Path:
    """The Python of an environment with this Django and everything the tests need; raises CalledProcessError."""
    folder = ROOT / ".matrix" / f"python{version}-django{django}"
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([base, "-m", "venv", folder], check=True)
    pip: list[str | Path] = [python, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True, cwd=ROOT)
    subprocess.run([*pip, "-e", ".", f"Django=={django}.*", "--group", "test"], check=True, cwd=ROOT)
    subprocess.run([ROOT / "tools/mariadb", python], check=True, cwd=ROOT)
    return python


def run(version: str, django: str, arguments: list[str]) -> str:
    """One cell of the matrix, as a word for the summary: passed, RED, or why it did not run."""
    base = find(version)
    if base is None:
        return f"skipped: no Python {version} here"
    print(f"== Python {version} x Django {django} ({base})", flush=True)
    try:
        python = environment(base, version, django)
    except subprocess.CalledProcessError as error:
        return f"RED: {error}"
    done = subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT)
    return "RED" if done.returncode else "passed"


def main(arguments: list[str]) -> int:
    outcomes = {cell: run(*cell, arguments) for cell in MATRIX}
    for (version, django), outcome in outcomes.items():
        print(f"Python {version} x Django {django}: {outcome}")
    ran = [outcome for outcome in outcomes.values() if not outcome.startswith("skipped")]
    return int(not ran or any(outcome.startswith("RED") for outcome in ran))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
