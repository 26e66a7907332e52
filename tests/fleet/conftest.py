"""Every test here leaves no reader behind: neither its thread nor its connection."""

from collections.abc import Iterator

import pytest

from drf_lanyard import wiring

from .kit import eventually, reader_threads


@pytest.fixture(autouse=True)
def no_reader_left() -> Iterator[None]:
    wiring.reset()
    eventually(lambda: not reader_threads())
    yield
    wiring.reset()
    eventually(lambda: not reader_threads())
