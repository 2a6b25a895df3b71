"""A lab for quality of service: whatever a test does, nothing is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.qos.lab import Lab
from tests.world import World


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    """Whatever a test does, destroy leaves the machine as it was."""
    before = world.dump()
    made = Lab(world, tmp_path)
    yield made
    made.destroy()
    assert differences(before, world.dump(settle_s=10)) == []
