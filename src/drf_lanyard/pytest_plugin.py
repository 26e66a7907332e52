"""The pytest fixture `lanyard_client`. Loading this imports no Django: pytest loads it in every project."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import LanyardClient


@pytest.fixture
def lanyard_client() -> "LanyardClient":
    """A test client with `login_as(user)`; the test itself asks for the database."""
    from .testing import LanyardClient

    return LanyardClient()
