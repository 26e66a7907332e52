"""From a judged history to one line per fault, and what is wrong with it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .checker import Verdict
from .history import MAKES_STALE, Operation
from .scene import Fault, Period

#: Seconds after the end of a fault by which every worker must answer 200 again.
RECOVERY = 2.0
#: Seconds over the lease that the worst acceptance may never reach.
HARD_BOUND = 0.5
COLUMNS = (
    f"{'fault':30} {'ops':>6} {'revoked':>7} {'worst ms':>8} {'401':>4} {'503':>5} {'5xx':>4} {'none':>5} {'back s':>6}"
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Figures of one fault. `extra_401`, `extra_503`, `other_5xx` and `unanswered` are those nothing excuses."""

    run: str
    fault: str
    operations: int
    revocations: int
    #: From the end of a revocation to the start of the last request that was let in; 0 if there was none.
    worst_accept_ms: float
    extra_401: int
    #: All, and those that are no excuse for.
    answers_503: int
    extra_503: int
    other_5xx: int
    unanswered: int
    extra_unanswered: int
    #: From the end of the fault until every worker had answered 200; None if one did not.
    recovery_s: float | None
    violations: int
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        back = "never" if self.recovery_s is None else f"{self.recovery_s:.2f}"
        figures = (
            f"{self.fault:30} {self.operations:>6} {self.revocations:>7} {self.worst_accept_ms:>8.0f} "
            f"{self.extra_401:>4} {self.answers_503:>5} {self.extra_503 + self.other_5xx:>4} "
            f"{self.unanswered:>5} {back:>6}"
        )
        wrong = "" if not self.problems else "  PROBLEM: " + "; ".join(self.problems[:3])
        return f"{figures}  violations: {self.violations}{wrong}"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A run that is over. `patience`: seconds after each fault by which every worker must answer again."""

    run: str
    history: Sequence[Operation]
    verdict: Verdict
    periods: Sequence[Period]
    lease: float
    patience: float = RECOVERY

    def line(self, period: Period) -> Line:
        mine = [o for o in self.history if period.holds(o)]
        findings = [f for f in self.verdict.findings if period.holds(f.operation)]
        failed = [o for o in mine if o.status == 503]
        silent = [o for o in mine if o.status == 0]
        other = [o for o in mine if o.status >= 500 and o.status != 503]
        extra_503, extra_silent = ([o for o in group if not self._is_excused(o)] for group in (failed, silent))
        late = [since for since, o in self.verdict.late_accepts if period.holds(o)]
        recovery = self._recovery(period)
        line = Line(
            run=self.run,
            fault=period.fault.name,
            operations=len(mine),
            revocations=sum(o.ended_session or (o.kind in MAKES_STALE and o.succeeded) for o in mine),
            worst_accept_ms=round(max(late, default=0.0) * 1000, 1),
            extra_401=sum(not f.is_violation for f in findings),
            answers_503=len(failed),
            extra_503=len(extra_503),
            other_5xx=len(other),
            unanswered=len(silent),
            extra_unanswered=len(extra_silent),
            recovery_s=None if recovery is None else round(recovery, 3),
            violations=sum(f.is_violation for f in findings),
            problems=[f"{f.rule} {f.detail} ({f.operation.kind} at worker {f.operation.worker})" for f in findings],
        )
        line.problems.extend(_told(o, period) for o in (*other, *extra_503, *extra_silent))
        line.problems.extend(self._beyond_bounds(line, period.fault))
        if missing := set(period.fault.felt) - period.seen - self._signs(period):
            line.problems.insert(0, f"not felt: {', '.join(sorted(missing))}")
        return line

    def _signs(self, period: Period) -> set[str]:
        """What clients noticed. A worker is out if it let nobody in during the second half of a fault."""
        mine = [o for o in self.history if period.holds(o)]
        middle = (period.begin + period.end) / 2
        good = {o.worker for o in self.history if o.succeeded and middle <= o.end <= period.end}
        signs = {"503"} if any(o.status == 503 for o in mine) else set[str]()
        return signs | ({"worker out"} if {o.worker for o in self.history} - good else set())

    def _beyond_bounds(self, line: Line, fault: Fault) -> Iterable[str]:
        if line.recovery_s is None or line.recovery_s > self.patience:
            yield f"recovered after {line.recovery_s} s"
        # What a failover has undone is put back; the judge's rule for that has another bound.
        if line.worst_accept_ms > (self.lease + HARD_BOUND) * 1000 and "standby" not in fault.needs:
            yield "beyond the hard bound"
        if not line.revocations:
            yield "nothing was revoked, so nothing was shown"

    def _is_excused(self, operation: Operation) -> bool:
        """While a fault lasts, and until the time is over in which everything must be back.

        Of all faults, since a slow request may begin before one and end in it.
        """
        return any(
            period.fault.loses != "nothing"
            and operation.start <= period.end + self.patience
            and operation.end >= period.begin
            for period in self.periods
        )

    def _recovery(self, period: Period) -> float | None:
        """From the end of the fault until each worker has answered 200 once."""
        if not period.recovered:
            return None
        first: dict[int, float] = {}
        for o in self.history:
            if o.kind == "call" and o.succeeded and o.end >= period.end:
                first.setdefault(o.worker, o.end - period.end)
        return max(first.values(), default=None)


def _told(o: Operation, period: Period) -> str:
    took, since = o.end - o.start, o.start - period.begin
    return (
        f"{o.status} {o.code} for {o.kind} at worker {o.worker}, {since:.2f} s after the fault began, {took:.2f} s long"
    )


def write(lines: Sequence[Line], problems: Sequence[str], path: Path, **more: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    content = {**more, "problems": list(problems), "lines": [asdict(line) for line in lines]}
    path.write_text(json.dumps(content, indent=1) + "\n")
