"""What a fault may cost: nothing at all, or 503 in its time. The line says so, and so does the exit status."""

import random
from collections.abc import Iterable
from typing import Any, cast

import pytest

from .checker import Circumstances, check
from .faults import FAULTS, again_and_again, nothing
from .fleet import Fleet
from .history import Operation
from .report import Judged, Line
from .scene import Fault, Loses, Period, Scene

ENDED = Operation(kind="logout", user=1, worker=0, start=10.0, end=10.1, status=204, session="s")


def call(start: float, status: int = 200, **values: Any) -> Operation:
    return Operation(
        **{"kind": "call", "user": 2, "worker": 0, "start": start, "end": start + 0.01, **values, "status": status}
    )


def line(*history: Operation, loses: Loses = "nothing", recovered: bool = True) -> Line:
    fault = Fault(name="it", inject=nothing, loses=loses)
    period = Period(fault=fault, begin=10.0, end=14.0, over=20.0, recovered=recovered)
    every = sorted([ENDED, *history], key=lambda operation: operation.end)
    verdict = check(every, Circumstances(lease=1.0))
    return Judged(run="run", history=every, verdict=verdict, periods=[period], lease=1.0).line(period)


def test_a_line_without_problems() -> None:
    calm = line(call(11), call(14.5), call(14.2, worker=1), call(25))
    assert calm.problems == []
    assert (calm.operations, calm.revocations, calm.recovery_s) == (4, 1, 0.51)
    assert "violations: 0" in calm.text()


@pytest.mark.parametrize("status", [0, 503])
def test_an_outage_is_excused_in_its_time(status: int) -> None:
    back = call(14.5)
    assert len(line(call(11, status), back).problems) == 1
    for loses in ("database", "worker"):
        assert line(call(11, status), call(15.9, status), back, loses=loses).problems == []
        assert len(line(call(16.1, status), back, loses=loses).problems) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_another_5xx_never_is(status: int) -> None:
    wrong = line(call(11, status), call(14.5), loses="database")
    assert wrong.other_5xx == 1
    assert len(wrong.problems) == 1


def test_who_does_not_come_back() -> None:
    assert line(call(16.5), loses="database").problems == ["recovered after 2.51 s"]
    assert line(call(14.5), recovered=False).problems == ["recovered after None s"]


def test_a_violation_and_a_refusal_without_a_cause() -> None:
    late = line(call(12, user=1, session="s", token="t"), call(14.5))
    assert late.violations == 1
    assert late.worst_accept_ms == 1900
    assert len(late.problems) == 2  # it is beyond the hard bound too
    false = line(call(12, 401, code="token_invalid"), call(14.5))
    assert (false.violations, false.extra_401, len(false.problems)) == (0, 1, 1)


def test_a_run_that_revokes_nothing_shows_nothing() -> None:
    fault = Fault(name="it", inject=nothing, loses="nothing")
    period = Period(fault=fault, begin=11.0, end=14.0, over=20.0, recovered=True)
    history = [call(14.5)]
    verdict = check(history, Circumstances(lease=1.0))
    judged = Judged(run="run", history=history, verdict=verdict, periods=[period], lease=1.0)
    assert judged.line(period).problems == ["nothing was revoked, so nothing was shown"]


#: Those that clients notice; the watch sees the others.
NOTICED = {"503", "worker out"}


def judged(fault: Fault, seen: Iterable[str], *, noticed: bool) -> list[str]:
    """What is said of a fault; its clients have noticed an outage, or nothing at all."""
    out = [call(11), call(11.9, 503), call(13.5, 503)] if noticed else [call(11), call(13.5)]
    history = sorted([ENDED, *out, call(14.5)], key=lambda operation: operation.end)
    period = Period(fault=fault, begin=10.0, end=14.0, over=20.0, recovered=True, seen=frozenset(seen))
    verdict = check(history, Circumstances(lease=1.0))
    run = Judged(run="run", history=history, verdict=verdict, periods=[period], lease=1.0)
    return [problem for problem in run.line(period).problems if "not felt" in problem]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_is_not_felt_is_a_problem(fault: Fault) -> None:
    to_see = set(fault.felt) - NOTICED
    assert judged(fault, to_see, noticed=True) == []
    if fault.name == "calm":
        return
    assert to_see  # clients may notice what nobody has injected
    for sign in to_see:
        assert judged(fault, to_see - {sign}, noticed=True) == [f"not felt: {sign}"]
    if missing := sorted(set(fault.felt) & NOTICED):
        assert judged(fault, to_see, noticed=False) == [f"not felt: {', '.join(missing)}"]
    assert judged(fault, (), noticed=False) == [f"not felt: {', '.join(sorted(fault.felt))}"]


def test_an_injector_that_fails_says_so() -> None:
    scene = Scene(fleet=cast(Fleet, None), dice=random.Random(1), hold=0.0)

    def act() -> None:
        raise OSError("no server")

    with again_and_again(scene, act):
        pass
    assert scene.failures == ["act failed: OSError('no server')"]
