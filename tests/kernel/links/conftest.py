"""Two machines for the tests of tunnels."""

from pathlib import Path

import pytest

from tests.kernel.links.underlay import Wire
from tests.world import World


@pytest.fixture
def wire(world: World, tmp_path: Path) -> Wire:
    return Wire(world, tmp_path)
