"""Every test here needs root and the real kernel, and runs in worlds of its own (tests/world.py)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World
from weft.backends.nft import Nft
from weft.backends.rtnl import Rtnl
from weft.netlink.namespaces import Namespaces

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.kernel)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture
def inside(world: World) -> Iterator[World]:
    """A world with this thread in it."""
    with world.inside():
        yield world


@pytest.fixture
def rtnl(inside: World) -> Iterator[Rtnl]:
    """The rtnl backend, with this thread in the world."""
    backend = Rtnl()
    yield backend
    backend.close()


@pytest.fixture
def nft(inside: World) -> Iterator[Nft]:
    """The nft backend, with this thread in the world."""
    namespaces = Namespaces()
    backend = Nft(namespaces)
    yield backend
    backend.close()
    namespaces.close()
