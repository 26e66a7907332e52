"""Every test here leaves no reader behind: neither its thread nor its connection."""

from collections.abc import Iterator

import pytest

from . import kit


@pytest.fixture(autouse=True)
def no_reader_left() -> Iterator[None]:
    kit.no_reader_left()
    yield
    kit.no_reader_left()
