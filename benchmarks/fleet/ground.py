"""What a fleet stands on: a PostgreSQL and a Valkey of its own, and the machine it was measured on."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Both servers run until the end of `standing`."""

    folder: Path
    #: DATABASES["default"], migrated.
    database: dict[str, Any]
    redis_url: str
    #: The server's processes are its children.
    postgres_pid: int


@contextmanager
def standing() -> Iterator[Ground]:
    """PostgreSQL with its own defaults for what a commit costs (fsync on); Valkey without a disk."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.databases import Databases, created
    from tests.servers import postgres, valkey

    folder = Path(tempfile.mkdtemp(prefix="lanyard-fleet-"))
    folder.chmod(0o711)  # the servers' user has to reach its own folder inside
    databases = Databases(folder)
    try:
        server = databases.servers["postgres"] = postgres(folder)
        server.stop()
        server.command = [str(part).replace("=off", "=on") for part in server.command]
        server.start()
        redis = databases.servers["valkey"] = valkey(folder)
        url = f"redis://{redis.user}:{redis.password}@{redis.host}:{redis.port}"
        with created("postgres", databases.settings("postgres"), server) as made:
            assert server.process is not None
            yield Ground(folder=folder, database=made.settings, redis_url=url, postgres_pid=server.process.pid)
    finally:
        databases.stop()
        shutil.rmtree(folder)


def machine() -> dict[str, Any]:
    """Beside every result: how fast it was depends on it, and on who else was busy."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
        cursor.execute("SHOW fsync")
        fsync = cursor.fetchone()[0]
    connection.close()
    return {
        "cores": os.cpu_count(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "postgresql": f"{version}, fsync {fsync}",
        "system": platform.platform(),
    }


def choose(**lanyard: Any) -> None:
    """Make this LANYARD, for this process and those that it forks; whatever was built of the old one goes."""
    from django.conf import settings
    from django.core.signals import setting_changed
    from django.db import connections

    settings.LANYARD = lanyard
    setting_changed.send(sender=None, setting="LANYARD", value=lanyard, enter=False)
    connections.close_all()


def quantile(values: list[float], share: float) -> float:
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered) + 0.5) - 1))]


def cpu_of_family(parent: int) -> float:
    """Seconds, of the server's processes that run."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    ticks = 0
    for pid in [parent, *children]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
