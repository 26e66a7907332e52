from typing import Any

import pytest

from .world import log_in, new_user


@pytest.fixture(autouse=True)
def lanyard_settings(settings: Any) -> None:
    """A short lease, so that asking every process until it is over takes no time; patience for a busy machine."""
    settings.LANYARD = {"LEASE": 0.2, "READ_TIMEOUT": 30}


@pytest.fixture
def alice(transactional_db: None) -> Any:
    return new_user()


@pytest.fixture
def issued(alice: Any) -> Any:
    """The tokens of a session of alice."""
    issued = log_in()
    assert issued is not None
    return issued
