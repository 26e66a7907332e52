"""Install the peers into this Python's environment: `python benchmarks/setup.py`. Standard library only.

Each on its own, so that one that does not go with this Django or REST framework is named in the tables and leaves the
others alone. Django and REST framework stay the versions that drf-lanyard got.
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

PEERS = {
    "djangorestframework-simplejwt": "djangorestframework-simplejwt",
    "django-rest-knox": "django-rest-knox",
    "drf-jwt": "drf-jwt",
    "drf-sessions": "drf-sessions",
    "django-allauth": "django-allauth[headless]",
}
FIXED = ("Django", "djangorestframework")


def main() -> None:
    failures = {}
    pins = "\n".join(f"{name}=={version(name)}" for name in FIXED)
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(pins + "\n")
        for name, requirement in PEERS.items():
            command = [sys.executable, "-m", "pip", "install", "-q", "--upgrade", "-c", str(constraints), requirement]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                reason = " ".join(line for line in done.stderr.splitlines() if line.startswith("ERROR"))[:300]
                failures[name] = f"not installable with {pins.replace(chr(10), ', ')}"
                print(f"! {name}: {failures[name]}: {reason}")
    (Path(sys.prefix) / "peers.json").write_text(json.dumps(failures))


if __name__ == "__main__":
    main()
