"""Fixtures for every kind of test: a world of its own for those that need the real kernel."""

import compileall
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import weft
from tests import needs, order
from tests.world import World

settings.register_profile("weft", deadline=None)  # no test is about the clock
settings.load_profile("weft")


def pytest_configure(config: pytest.Config) -> None:
    """The command that tests start by the thousand is compiled once, as an installation has it, whatever
    PYTHONDONTWRITEBYTECODE says here: else each start takes twice as long."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(weft.__file__).parent, quiet=2)


@pytest.hookimpl(trylast=True)  # when all marks are there
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needs.mark(items)
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    quick.sort(key=lambda item: item.get_closest_marker("kernel") is None)  # those take least, so come last
    items[:] = order.dealt(slow, quick, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


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
