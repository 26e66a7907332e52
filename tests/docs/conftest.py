import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.walk import Walk

NewWalk = Callable[[], Walk]


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A reader at the end of the tutorial; its server still runs."""
    if missing := [name for name in ("bash", "curl") if shutil.which(name) is None]:
        pytest.skip(f"The pages that are walked through need {' and '.join(missing)}.")
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
