"""Fixtures for every kind of test: a world of its own for those that need the real kernel."""

from collections.abc import Iterator

import pytest

from tests import needs
from tests.world import World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needs.mark(items)


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh world for this test alone."""
    with World() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """One world for a module whose tests clean up after themselves; a world costs some 20 ms."""
    with World() as fresh:
        yield fresh
