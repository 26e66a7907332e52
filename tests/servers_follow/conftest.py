"""Nothing of this process's own reader, and a Valkey for all tests here."""

from collections.abc import Callable, Iterator

import pytest

from drf_lanyard import wiring

from ..server_process import Server


@pytest.fixture(scope="session")
def valkey_url(start_valkey: Callable[[str], Server]) -> str:
    server = start_valkey("servers-follow")
    return f"redis://{server.user}:{server.password}@{server.host}:{server.port}"


@pytest.fixture(autouse=True)
def no_service_left() -> Iterator[None]:
    yield
    wiring.reset()
