from collections.abc import Iterator
from typing import Any

import pytest

from tests.fleet.conftest import no_reader_left  # noqa: F401  (every test here may start a reader)
from tests.races.world import log_in, new_user

from .kit import manage


@pytest.fixture
def installed(transactional_db: None) -> Iterator[None]:
    """The triggers, for one test: the flush after it must not write to the log."""
    manage("install")
    yield
    manage("remove")


@pytest.fixture
def alice(transactional_db: None, settings: Any) -> Any:
    settings.LANYARD = {"LEASE": 0.2, "READ_TIMEOUT": 30}
    return new_user()


@pytest.fixture
def issued(alice: Any) -> Any:
    issued = log_in()
    assert issued is not None
    return issued
