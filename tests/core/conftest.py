from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .token_world import TokenWorld


@pytest.fixture
def make() -> Iterator[Callable[..., TokenWorld]]:
    made: list[TokenWorld] = []

    def new(*args: Any, **options: Any) -> TokenWorld:
        made.append(TokenWorld(*args, **options))
        return made[-1]

    yield new
    for world in made:
        world.close()


@pytest.fixture
def world(make: Callable[..., TokenWorld]) -> TokenWorld:
    return make()
