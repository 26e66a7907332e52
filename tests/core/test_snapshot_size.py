"""What a snapshot costs in memory: counted by the allocator, so that it is the same on every machine."""

import tracemalloc
from collections.abc import Callable
from uuid import UUID

import pytest

from drf_lanyard.core.model import Entry, LogRead
from drf_lanyard.core.revocation import Snapshot

ENTRIES = 60_000
PAGE = 5000


def _session(number: int) -> Entry:
    return Entry(
        uid=number, position=number, credential=UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128).int
    )


def _signed_out(number: int) -> Entry:
    return Entry(uid=number, position=number, subject=str(10**6 + number), epoch=1 + number % 3, ends_sessions=True)


def _promoted(number: int) -> Entry:
    return Entry(uid=number, position=number, subject=str(10**6 + number), epoch=1 + number % 3)


@pytest.mark.parametrize(("entry", "most"), [(_session, 110), (_signed_out, 120), (_promoted, 120)])
def test_bytes_per_entry(entry: Callable[[int], Entry], most: int) -> None:
    snapshot = Snapshot()
    tracemalloc.start()
    try:
        for first in range(1, ENTRIES, PAGE):
            snapshot.apply(LogRead(entries=tuple(map(entry, range(first, first + PAGE))), floor=0))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(snapshot.sizes()) == ENTRIES
    assert size / ENTRIES <= most
    snapshot.apply(LogRead(entries=(), floor=ENTRIES))
    assert snapshot.sizes() == (0, 0)
