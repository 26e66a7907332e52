"""Nothing of this process's own reader, and a Valkey for all tests here."""

import os
from collections.abc import Iterator

import pytest

from drf_lanyard import wiring

from ..conftest import NOTES
from ..databases import Databases
from ..server_process import Unavailable
from ..servers import valkey


@pytest.fixture(scope="session")
def valkey_url(databases: Databases, pytestconfig: pytest.Config) -> Iterator[str]:
    folder = databases.folder / "servers-follow"
    folder.mkdir(mode=0o711)
    try:
        server = valkey(folder)
    except Unavailable as error:
        note = f"push through Redis CANNOT BE TESTED: {error}"
        pytestconfig.stash[NOTES].append(note)
        if os.environ.get("CI"):
            pytest.fail(note, pytrace=False)
        pytest.skip(note)
    yield f"redis://{server.user}:{server.password}@{server.host}:{server.port}"
    server.stop()


@pytest.fixture(autouse=True)
def no_service_left() -> Iterator[None]:
    yield
    wiring.reset()
