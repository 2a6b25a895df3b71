"""A host with an external network, and what talks there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.external import give_external
from tests.kernel.groups.lab import Lab
from tests.world import World


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    """A world where `ext0` leads to the external network."""
    give_external(world)
    made = Lab(world, tmp_path / "weft.yaml")
    yield made
    made.close()
