"""From a judged history to one line per fault, and what is wrong with it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .checker import Verdict
from .history import MAKES_STALE, Operation

if TYPE_CHECKING:
    from .stage import Period

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


def line_of(
    period: "Period", run: str, history: Sequence[Operation], verdict: Verdict, lease: float, patience: float = RECOVERY
) -> Line:
    mine = [o for o in history if period.begin <= o.start < period.over]
    findings = [f for f in verdict.findings if period.begin <= f.operation.start < period.over]
    late = [since for since, o in verdict.late_accepts if period.begin <= o.start < period.over]
    failed = [o for o in mine if o.status == 503]
    silent = [o for o in mine if o.status == 0]
    other = [o for o in mine if o.status >= 500 and o.status != 503]
    recovery = _recovery(period, history)
    figures: dict[str, Any] = {
        "operations": len(mine),
        "revocations": sum(o.ended_session or (o.kind in MAKES_STALE and o.succeeded) for o in mine),
        "worst_accept_ms": round(max(late, default=0.0) * 1000, 1),
        "extra_401": sum(f.rule in ("extra_401", "unexpected") for f in findings),
        "answers_503": len(failed),
        "extra_503": sum(not _is_excused(o, period, patience) for o in failed),
        "other_5xx": len(other),
        "unanswered": len(silent),
        "extra_unanswered": sum(not _is_excused(o, period, patience) for o in silent),
        "recovery_s": None if recovery is None else round(recovery, 3),
        "violations": sum(f.is_violation for f in findings),
    }
    problems = [f"{f.rule} {f.detail} ({f.operation.kind} at worker {f.operation.worker})" for f in findings]
    strange = [*other, *(o for o in (*failed, *silent) if not _is_excused(o, period, patience))]
    problems += [_told(o, period) for o in strange]
    problems += _beyond_bounds(figures, lease, patience)
    return Line(run=run, fault=period.fault.name, problems=problems, **figures)


def _told(o: Operation, period: "Period") -> str:
    took, since = o.end - o.start, o.start - period.begin
    return (
        f"{o.status} {o.code} for {o.kind} at worker {o.worker}, {since:.2f} s after the fault began, {took:.2f} s long"
    )


def _beyond_bounds(figures: dict[str, Any], lease: float, patience: float) -> Iterable[str]:
    if figures["extra_503"]:
        yield f"{figures['extra_503']} answers 503 that nothing excuses"
    if figures["extra_unanswered"]:
        yield f"{figures['extra_unanswered']} requests without an answer that nothing excuses"
    if figures["recovery_s"] is None or figures["recovery_s"] > patience:
        yield f"recovered after {figures['recovery_s']} s"
    if figures["worst_accept_ms"] > (lease + HARD_BOUND) * 1000:
        yield "beyond the hard bound"
    if not figures["revocations"]:
        yield "nothing was revoked, so nothing was shown"


def _is_excused(operation: Operation, period: "Period", patience: float) -> bool:
    """While the fault lasts, and until the time is over in which everything must be back."""
    in_time = operation.start <= period.end + patience and operation.end >= period.begin
    return period.fault.loses != "nothing" and in_time


def _recovery(period: "Period", history: Sequence[Operation]) -> float | None:
    """From the end of the fault until each worker has answered 200 once."""
    if not period.recovered:
        return None
    first: dict[int, float] = {}
    for o in history:
        if o.kind == "call" and o.succeeded and o.end >= period.end:
            first.setdefault(o.worker, o.end - period.end)
    return max(first.values(), default=None)


def write(lines: Sequence[Line], problems: Sequence[str], path: Path, **more: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    content = {**more, "problems": list(problems), "lines": [asdict(line) for line in lines]}
    path.write_text(json.dumps(content, indent=1) + "\n")
