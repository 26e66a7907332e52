"""One run: a fleet, some faults one after the other, and what the judge says of each."""

import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .canary import Canary
from .checker import Circumstances, Finding, Interval, check
from .faults import named
from .fleet import ROOT, Fleet, Plan, fleet, until
from .history import Operation, now
from .report import RECOVERY, Judged, Line
from .scene import Fault, Period, Scene
from .servers import Server
from .watch import watching

#: Seconds before the first fault, and after each: what it has caused shows, and the next begins in calm.
SETTLE = 1.6
#: Seconds in which workers must answer again before the run goes on without them.
GIVE_UP = 15.0
#: Seconds in which workers must answer for the first time.
START_PATIENCE = 120.0
#: Seconds for which a planted bug is looked for in one round, and how many rounds there are.
ROUND, ROUNDS = 3.0, 15


@dataclass(kw_only=True)
class Outcome:
    """What one run came to."""

    title: str
    lines: list[Line] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def busy_fleet(plan: Plan, folder: Path, database: Server, valkey: Server | None) -> Iterator[tuple[Scene, Canary]]:
    """A fleet whose clients are at work and whose canary is answered."""
    last = database
    try:
        with fleet(plan, folder, database, valkey) as made:
            canary = Canary(made)
            try:
                canary.start()
                if not canary.recovers(0.1, START_PATIENCE + now()):
                    raise RuntimeError(f"a worker does not answer; see {_keep_logs(folder, 'start')}")
                yield Scene(fleet=made, dice=random.Random(plan.seed), hold=0.0), canary
            finally:
                canary.close()
                last = made.database
    finally:  # after the clients
        if last is not database:
            last.stop()


def run_faults(
    plan: Plan,
    faults: Sequence[Fault],
    folder: Path,
    database: Server,
    valkey: Server | None,
    *,
    at_most: float,
    say: Callable[[str], None],
    recovery: float = RECOVERY,
) -> Outcome:
    """Inject the faults, in the order given, each for as long as its row says but no longer than `at_most` seconds.

    All workers must answer within `recovery` seconds of the end of each.
    """
    title = f"{database.name}, {plan.push or 'poll'}"
    with busy_fleet(plan, folder, database, valkey) as (scene, canary):
        until(now() + SETTLE)
        periods = [_inject(fault, scene, canary, at_most) for fault in faults]
        died = scene.fleet.has_lost_a_worker()
        logs, circumstances = scene.fleet, _circumstances(plan, scene)
    history = logs.operations()
    verdict = check(history, circumstances)
    outcome = Outcome(title=title)
    judged = Judged(run=title, history=history, verdict=verdict, periods=periods, lease=plan.lease, patience=recovery)
    for period in periods:
        line = judged.line(period)
        outcome.lines.append(line)
        say(line.text())
    outside = [f for f in verdict.findings if not any(p.begin <= f.operation.start < p.over for p in periods)]
    outcome.problems += [f"{title}: between faults: {describe(finding)}" for finding in outside]
    outcome.problems += [f"{title}: {line.fault}: {problem}" for line in outcome.lines for problem in line.problems]
    outcome.problems += [f"{title}: {text}" for text in (*scene.failures, *_thread_deaths(logs))]
    if outcome.problems:
        outcome.problems.append(f"{title}: what the workers logged: {_keep_logs(logs.folder, title)}")
    if died:
        outcome.problems.append(f"{title}: a worker has ended")
    return outcome


def _inject(fault: Fault, scene: Scene, canary: Canary, at_most: float) -> Period:
    if sys.stderr.isatty():  # the lines come when the run is over and judged
        print(f"\r{fault.name:40}", end="\r", file=sys.stderr, flush=True)
    canary.sign_in()
    scene.hold = min(fault.lasts, at_most)
    with watching(scene.fleet) as watch:
        begin = now()
        with fault.inject(scene):
            until(now() + scene.hold)
            seen = watch.look()
        end = now()
        recovered = canary.recovers(end, GIVE_UP)
        seen |= watch.look_back()
    until(max(end + RECOVERY, now() + SETTLE))
    return Period(fault=fault, begin=begin, end=end, over=now(), recovered=recovered, seen=seen)


def _circumstances(plan: Plan, scene: Scene) -> Circumstances:
    return Circumstances(lease=plan.lease, moved_clocks=scene.moved_clocks, lost_commits=scene.lost_commits)


def _thread_deaths(made: Fleet) -> list[str]:
    """A thread of the library that has died of an exception says so on standard error."""
    found = []
    for path in sorted(made.folder.glob("worker-*.log")):
        text = path.read_text(errors="replace")
        for part in text.split("Exception in thread drf-lanyard")[1:]:
            found.append(f"{path.name}: a thread has died: {part[-600:]}")
    return found


def _keep_logs(folder: Path, title: str) -> Path:
    """What to look at when something was wrong."""
    kept = ROOT / "build" / "faults-logs" / title.replace(", ", "-")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for path in [*folder.glob("*.log"), *folder.glob("*.jsonl")]:
        shutil.copy(path, kept)
    return kept


def describe(finding: Finding) -> str:
    one: Operation = finding.operation
    return f"{finding.rule} {finding.detail}: {one.kind} at worker {one.worker}, session {one.session}"


#: What makes each planted bug show: the fault it needs, and how processes are told.
PROVOKED_BY = {
    "dropped push": "valkey silent",
    "check-then-insert rotation": "calm",
    "fail-open except": "database silent for one worker",
    "id-gap catch-up": "calm",
    "wall-clock lease": "clock -1 h in one worker",
    "verdict cached": "calm",
}


#: The rule that a bug breaks, where it is not that something revoked was let in.
SHOWS_AS = {"check-then-insert rotation": "two_successors"}


def run_bug(
    plan: Plan, folder: Path, database: Server, valkey: Server | None, *, say: Callable[[str], None]
) -> Outcome:
    """With a planted bug the judge must report a violation within so many rounds."""
    assert plan.bug is not None
    [fault] = named("calm" if plan.bug == "dropped push" and plan.push is None else PROVOKED_BY[plan.bug])
    outcome = Outcome(title=f"bug: {plan.bug}")
    began, caught = now(), list[Finding]()
    with busy_fleet(plan, folder, database, valkey) as (scene, _), fault.inject(scene):
        # A clock that is still wrong excuses what its worker refuses; it never excuses an accept.
        excuse = [Interval(start=began, end=float("inf"))] if "clock" in fault.name else []
        for _ in range(ROUNDS):
            until(now() + ROUND)
            circumstances = Circumstances(lease=plan.lease, moved_clocks=excuse)
            findings = check(scene.fleet.operations(), circumstances).findings
            if caught := [
                finding for finding in findings if finding.rule == SHOWS_AS.get(plan.bug, "accepted_after_revoke")
            ]:
                break
    took = now() - began
    if caught:
        say(f"caught      {plan.bug} ({fault.name}): {describe(caught[0])} ({took:.0f} s)")
        return outcome
    say(f"NOT CAUGHT  {plan.bug} ({fault.name}) in {took:.0f} s")
    outcome.problems.append(f"{plan.bug} was not caught")
    return outcome
