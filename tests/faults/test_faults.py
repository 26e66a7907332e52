"""The short run: a real fleet under the most telling faults, and bugs that the judge must catch.

`make faults` has all of them. The seed is printed when something is wrong; LANYARD_FAULTS_SEED repeats it.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import NOTES
from tests.server_process import Server, Unavailable

from . import stage
from .faults import FAULTS as ALL
from .faults import named, nothing
from .fleet import Plan
from .programme import bug_plan, temporary_folder
from .scene import Fault
from .servers import start_database, start_valkey
from .stage import run_bug, run_faults

SEED = int(os.environ.get("LANYARD_FAULTS_SEED") or random.SystemRandom().randrange(10**6))
#: Seconds that a fault lasts, and in which a busy machine's workers must be back. `make faults` asks for 2.
HOLD, BACK = 3.0, 10.0
FAULTS = (
    "valkey killed",
    "valkey silent",
    "database killed",
    "database stopped",
    "database silent for one worker",
    "worker stopped",
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as made:
        yield made


@pytest.fixture(scope="module")
def servers(folder: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    """A durable PostgreSQL and a Valkey, for these tests alone."""
    running: list[Server] = []
    try:
        running.append(start_database("postgres", folder))
        running.append(start_valkey(folder))
        yield running[0], running[1]
    except Unavailable as error:
        note = f"FAULTS CANNOT BE TESTED: {error}"
        request.config.stash[NOTES].append(note)
        if os.environ.get("CI"):
            pytest.fail(note, pytrace=False)
        pytest.skip(note)
    finally:
        for server in running:
            server.stop()


def test_nothing_revoked_is_let_in_whatever_fails(
    servers: tuple[Server, Server], folder: Path, request: pytest.FixtureRequest
) -> None:
    faults = named(*random.Random(SEED).sample(FAULTS, len(FAULTS)))
    said: list[str] = []
    plan = Plan(seed=SEED, push="redis", workers=4, clients=2, actors=3)
    outcome = run_faults(plan, faults, folder / "run", *servers, at_most=HOLD, recovery=BACK, say=said.append)
    worst = max(line.worst_accept_ms for line in outcome.lines)
    revoked = sum(line.revocations for line in outcome.lines)
    request.config.stash[NOTES].append(
        f"faults (seed {SEED}): {len(faults)} faults, {revoked} revocations, worst acceptance {worst:.0f} ms"
    )
    assert not outcome.problems, "\n".join([f"seed {SEED}", *said, *outcome.problems])


def test_a_fault_that_is_not_injected_is_noticed(
    servers: tuple[Server, Server], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sign of any fault is there when nothing is the matter."""
    monkeypatch.setattr(stage, "_keep_logs", lambda folder, title: folder)  # those of a real problem stay
    signs = sorted({sign for fault in ALL for sign in fault.felt})
    fault = Fault(name="none", inject=nothing, loses="nothing", felt=tuple(signs))
    plan = Plan(seed=SEED, push="redis", workers=4, clients=2, actors=3)
    outcome = run_faults(plan, [fault], folder / "none", *servers, at_most=HOLD, recovery=BACK, say=lambda text: None)
    assert f"redis: none: not felt: {', '.join(signs)}" in "\n".join(outcome.problems), f"seed {SEED}"


@pytest.mark.parametrize("bug", ["dropped push", "check-then-insert rotation", "id-gap catch-up"])
def test_the_judge_catches_a_planted_bug(servers: tuple[Server, Server], folder: Path, bug: str) -> None:
    said: list[str] = []
    plan = replace(bug_plan(bug, SEED), workers=2, actors=3)
    outcome = run_bug(plan, folder / bug.replace(" ", "-"), *servers, say=said.append)
    assert not outcome.problems, "\n".join([f"seed {SEED}", *said])
