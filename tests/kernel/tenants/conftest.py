"""A lab, as the tests of groups have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.groups.lab import Lab
from tests.world import World


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    """A world, and what talks in it."""
    made = Lab(world, tmp_path / "weft.yaml")
    yield made
    made.close()
