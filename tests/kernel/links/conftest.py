"""Two machines for the tests of tunnels."""

from pathlib import Path

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.links.underlay import Wire
from tests.world import World


@pytest.fixture(scope="session", autouse=True)
def preloaded() -> None:
    """Commands are forks of the tests' own process: in a guest an interpreter takes seconds to start."""
    preload()


@pytest.fixture
def wire(world: World, tmp_path: Path) -> Wire:
    return Wire(world, tmp_path)
