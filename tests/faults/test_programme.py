"""A name that is misspelt would leave a fault out without a word."""

import pytest

from .bugs import BUGS
from .faults import FAULTS, named
from .programme import FULL, Run, applying
from .stage import PROVOKED_BY


@pytest.mark.parametrize("run", FULL, ids=lambda run: run.title)
def test_every_fault_of_a_run_exists_and_has_its_parts(run: Run) -> None:
    assert set(run.names or ()) <= {fault.name for fault in applying(FAULTS, run)}


def test_every_fault_is_injected_somewhere() -> None:
    assert set(FAULTS) == {f for run in FULL for f in applying(FAULTS, run) if run.names is None or f.name in run.names}


def test_every_bug_is_provoked_by_a_fault() -> None:
    assert set(BUGS) == set(PROVOKED_BY)
    assert len(named(*PROVOKED_BY.values())) == len(BUGS)


def test_names_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
