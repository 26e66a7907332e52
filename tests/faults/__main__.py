"""`python -m tests.faults run | soak`: see docs/faults.md. Ends with status 1 if anything was not as it must be."""

import argparse
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.server_process import Unavailable

from .bugs import BUGS
from .faults import FAULTS
from .fleet import ROOT, Plan
from .programme import FULL, Run, applying, bug_plan, choose, temporary_folder
from .report import COLUMNS, Line, write
from .servers import Server, start_database, start_valkey
from .stage import Outcome, run_bug, run_faults

RESULTS = {"run": ROOT / "build" / "faults.json", "soak": ROOT / "build" / "soak.json"}


class Session:
    """Everything of one command: servers, results, what is printed."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.lines: list[Line] = []
        self.problems: list[str] = []
        self.bugs: dict[str, str] = {}
        self._count = 0

    @contextmanager
    def folder(self, parent: Path) -> Iterator[Path]:
        """For the servers of one run, and gone after it."""
        self._count += 1
        folder = parent / f"{self._count}"
        folder.mkdir(mode=0o711)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)

    def take(self, outcome: Outcome) -> None:
        self.lines += outcome.lines
        self.problems += outcome.problems

    @contextmanager
    def where_possible(self, database: str) -> Iterator[None]:
        """What cannot be had is said loudly; with CI in the environment it is a failure."""
        try:
            yield
        except Unavailable as error:
            say(f"{database} CANNOT BE TESTED: {error}")
            if os.environ.get("CI"):
                self.problems.append(f"{database} cannot be tested")

    def faults(self, run: Run, parent: Path, seed: int) -> None:
        """One run on servers of its own."""
        with self.where_possible(run.database), self.folder(parent) as folder, ExitStack() as stack:
            database = started(stack, lambda: start_database(run.database, folder))
            valkey = started(stack, lambda: start_valkey(folder)) if run.push == "redis" else None
            faults = choose(run, database, self.arguments, random.Random(seed), say)
            if not faults:
                return
            say(f"\n{run.title} (seed {seed}, {self.arguments.workers} workers, {load()})\n{COLUMNS}")
            plan = Plan(seed=seed, push=run.push, workers=self.arguments.workers)
            at_most = self.arguments.hold
            self.take(run_faults(plan, faults, folder / "run", database, valkey, at_most=at_most, say=say))

    def planted(self, parent: Path, seed: int) -> None:
        """Each seeded bug, on servers that they share."""
        wanted = [name for name in BUGS if not self.arguments.only or name in self.arguments.only]
        if not wanted or self.arguments.database not in (None, "postgres"):
            return
        with self.where_possible("postgres"), self.folder(parent) as folder, ExitStack() as stack:
            database = started(stack, lambda: start_database("postgres", folder))
            valkey = started(stack, lambda: start_valkey(folder))
            say(f"\nseeded bugs (postgres, seed {seed}, 4 workers)")
            for number, name in enumerate(wanted):
                plan = bug_plan(name, seed)
                outcome = run_bug(plan, folder / f"bug-{number}", database, valkey, say=say)
                self.bugs[name] = "NOT CAUGHT" if outcome.problems else "caught"
                self.take(outcome)

    def finish(self, began: float) -> int:
        arguments = {key: value for key, value in vars(self.arguments).items() if key != "command"}
        took = round(time.monotonic() - began)
        result = RESULTS[self.arguments.command]
        write(self.lines, self.problems, result, **arguments, seconds=took, bugs=self.bugs)
        summarise(self.lines, self.bugs)
        for problem in self.problems:
            say(f"PROBLEM  {problem}")
        violations = sum(line.violations for line in self.lines)
        verdict = "FAILED" if self.problems else "passed"
        say(f"\n{verdict}: violations: {violations}, problems: {len(self.problems)}, {took} s, {load()}; {result}")
        return 1 if self.problems else 0


def started(stack: ExitStack, start: Callable[[], Server]) -> Server:
    server = start()
    stack.callback(server.stop)
    return server


def say(text: str) -> None:
    print(text, flush=True)


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def summarise(lines: list[Line], bugs: dict[str, str]) -> None:
    say("\nsummary")
    for run in dict.fromkeys(line.run for line in lines):
        mine = [line for line in lines if line.run == run]
        back = [line.recovery_s for line in mine if line.recovery_s is not None]
        figures: dict[str, Any] = {
            "faults": len(mine),
            "operations": sum(line.operations for line in mine),
            "revocations": sum(line.revocations for line in mine),
            "worst acceptance ms": round(max(line.worst_accept_ms for line in mine)),
            "extra 401": sum(line.extra_401 for line in mine),
            "extra 5xx": sum(line.extra_503 + line.other_5xx for line in mine),
            "slowest recovery s": max(back, default=None),
            "violations": sum(line.violations for line in mine),
        }
        say(f"{run:20} " + ", ".join(f"{name}: {value}" for name, value in figures.items()))
    for name, result in bugs.items():
        say(f"{result:11} {name}")


def run(arguments: argparse.Namespace) -> int:
    began, session = time.monotonic(), Session(arguments)
    say(f"seed {arguments.seed}: make faults SEED={arguments.seed} repeats the order, the users and the timings")
    with temporary_folder() as parent:
        for one in FULL:
            if arguments.database in (None, one.database) and arguments.push in (None, one.push or "poll"):
                session.faults(one, parent, arguments.seed)
        if not arguments.no_bugs:
            session.planted(parent, arguments.seed)
        return session.finish(began)


def soak(arguments: argparse.Namespace) -> int:
    """Any run of the table, any order, until the time is over."""
    began, session = time.monotonic(), Session(arguments)
    dice = random.Random(arguments.seed)
    ends = began + 60 * arguments.minutes
    say(f"seed {arguments.seed}, {arguments.minutes} minutes")
    with temporary_folder() as parent:
        while (left := ends - time.monotonic()) > 20:
            one = replace(dice.choice(FULL), names=None)
            count = max(1, min(12, int(left / 12)))
            names = [fault.name for fault in applying(FAULTS, one)]
            one = replace(one, names=tuple(dice.sample(names, min(count, len(names)))))
            session.faults(one, parent, dice.randrange(10**6))
        return session.finish(began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("command", choices=["run", "soak"])
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--hold", type=float, default=10.0, help="seconds that a fault lasts at most")
    parser.add_argument("--database", choices=["postgres", "mariadb"])
    parser.add_argument("--push", choices=["redis", "postgres", "poll"])
    parser.add_argument("--only", action="append", help="this fault or seeded bug only; may be repeated")
    parser.add_argument("--no-bugs", action="store_true")
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(10**6)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(arguments) if arguments.command == "run" else soak(arguments)
    except KeyboardInterrupt:
        say("interrupted; everything that was started has been stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
