"""Which faults are run where, and in which order."""

import argparse
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .faults import FAULTS
from .fleet import Plan
from .scene import Fault
from .servers import Server
from .standby import is_possible


@dataclass(frozen=True, kw_only=True)
class Run:
    """A fleet on one database with one way of push; `names` of faults, or None for all that it has the parts for."""

    database: str
    push: str | None
    names: tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        return f"{self.database}, {self.push or 'poll'}"


#: What push through PostgreSQL, and polling alone, add to the first run.
PUSH_IN_DATABASE = (
    "calm",
    "slow consumer",
    "database killed",
    "database stopped",
    "a reader's backend stopped",
    "database backends terminated",
    "database silent",
    "database half-open",
    "database silent for one worker",
    "worker stopped",
)
POLLING = (
    "calm",
    "database killed",
    "database answers cut",
    "worker stopped",
    "clock -1 h in one worker",
    "lost commits",
)
ON_MARIADB = (
    "calm",
    "valkey killed",
    "valkey silent",
    "database killed",
    "database stopped",
    "database backends terminated",
    "database silent",
    "database half-open",
    "database silent for one worker",
)
FULL = (
    Run(database="postgres", push="redis"),
    Run(database="postgres", push="postgres", names=PUSH_IN_DATABASE),
    Run(database="postgres", push=None, names=POLLING),
    Run(database="mariadb", push="redis", names=ON_MARIADB),
    Run(database="mariadb", push=None, names=("calm", "database killed", "database 2 s late")),
)


def applying(faults: Sequence[Fault], run: Run) -> list[Fault]:
    """Those that the run has the parts for."""
    have = {run.database, "standby"}
    have |= {"push"} if run.push else set()
    have |= {"valkey"} if run.push == "redis" else set()
    return [fault for fault in faults if fault.needs <= have]


def choose(
    run: Run, database: Server, arguments: argparse.Namespace, dice: random.Random, say: Callable[[str], None]
) -> list[Fault]:
    """In an order that the seed decides; a failover comes last, since it uses the primary up."""
    faults = [fault for fault in applying(FAULTS, run) if run.names is None or fault.name in run.names]
    if arguments.only:
        faults = [fault for fault in faults if fault.name in arguments.only]
    if (why_not := is_possible(database)) is not None and any("standby" in fault.needs for fault in faults):
        say(f"LOST COMMITS ARE NOT TESTED: {why_not}")
        faults = [fault for fault in faults if "standby" not in fault.needs]
    dice.shuffle(faults)
    return sorted(faults, key=lambda fault: "standby" in fault.needs)


def bug_plan(name: str, seed: int) -> Plan:
    """Four workers; a bug that others would repair by push runs without it."""
    push = "redis" if name == "dropped push" else None
    return Plan(seed=seed, push=push, bug=name, workers=4)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Removed at the end; the servers' user has to reach its own folders inside."""
    folder = Path(tempfile.mkdtemp(prefix="lanyard-faults-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
