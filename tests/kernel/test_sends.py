"""How often the kernel is spoken to does not grow with how much goes: it does what is alike at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.points import count as count_points
from tests.world import World

pytestmark = pytest.mark.kernel

HEAD = """\
weft: 1
name: lab
tenants:
  t:
    networks: {net: {subnets: [10.77.0.0/24]}}
    ports:
"""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def sends(world: World, tmp_path: Path, count: int) -> int:
    """How many batches of messages it takes to come to so many ports."""
    file = tmp_path / f"{count}.yaml"
    ports = (f"      p{n}: {{network: net, attach: {{netns: p{n}}}}}\n" for n in range(count))
    file.write_text(HEAD + "".join(ports))
    ran = weft_in(world, "apply", "-y", "-f", file, act=count_points)
    assert ran.status == 0, str(ran)
    return sum(" before send(" in point for point in ran.points)


def test_ports_in_namespaces_of_their_own_go_at_once(world: World, tmp_path: Path) -> None:
    """Their links go by the ends that are together on the bridge."""
    sends(world, tmp_path, 35)
    few = sends(world, tmp_path, 30)
    assert 0 < few < 10
    assert sends(world, tmp_path, 5) == few
