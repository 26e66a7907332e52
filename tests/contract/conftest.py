"""The suites of this folder are classes that take a `store`; each store has a subclass in its test module."""

from collections.abc import Iterator

import pytest

from .stores import InDatabase, InMemory


@pytest.fixture
def memory() -> InMemory:
    return InMemory()


@pytest.fixture
def orm(transactional_db: None) -> Iterator[InDatabase]:
    store = InDatabase()
    yield store
    store.close()
