import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.walk import Walk


@pytest.fixture(scope="session")
def shell() -> None:
    """Skips where a reader could not follow; under CI that is a failure."""
    if missing := [name for name in ("bash", "curl") if shutil.which(name) is None]:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"The pages that are walked through need {' and '.join(missing)}.")


@pytest.fixture(scope="session")
def tutorial(shell: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A reader at the end of the tutorial; its server still runs."""
    walk = Walk(tmp_path_factory.mktemp("tutorial"))
    try:
        assert walk.page("docs/tutorial.md") > 10
        yield walk
    finally:
        walk.close()


@pytest.fixture
def after_tutorial(tutorial: Walk, tmp_path: Path) -> Iterator[Walk]:
    """A reader who has just finished the tutorial."""
    walk = tutorial.copy(tmp_path)
    try:
        yield walk
    finally:
        walk.close()
