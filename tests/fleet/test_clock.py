"""The clock of the lease is the one that nobody can set and that suspension does not stop."""

import time

import pytest
from freezegun import freeze_time

from drf_lanyard.stores.clock import SystemClock


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this platform has no CLOCK_BOOTTIME")
def test_the_lease_goes_by_the_time_since_boot() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    now = SystemClock().steady()
    after = time.clock_gettime(time.CLOCK_BOOTTIME)

    assert before <= now <= after


def test_frozen_time_does_not_stop_it() -> None:
    clock = SystemClock()
    with freeze_time("2030-01-01"):
        assert clock.time() == 1893456000.0
        first = clock.steady()
        while clock.steady() == first:  # a frozen clock would never leave this loop
            pass
