"""Segments through kills and refusals: a network that comes to stand on a card, and leaves it, or nothing of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.refuser import REFUSED, refuse_every_step
from tests.kernel.faults.rig import SCOPE, Rig
from tests.world import World

STRIDE = int(os.environ.get("WEFT_FAULT_STRIDE", "7"))
CARD = "ip link add eth1 type veth peer name far1; ip link set far1 up; ip link set eth1 up; ip link set eth1 down"

SEGMENTS: Mapping[str, dict[str, Any]] = {
    "link": {"link": "eth1"},
    "macvlan": {"link": "eth1", "mode": "macvlan"},
    "vxlan": {"vni": 7, "local": "192.0.2.1", "remotes": ["192.0.2.2"]},
    "vlan": {"link": "eth1", "vlan": 7},
}


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def write(path: Path, segment: dict[str, Any] | None) -> tuple[str, ...]:
    """A network with a port, on the segment."""
    lan: dict[str, Any] = {"subnets": ["10.1.0.0/24"]} | ({"segment": segment} if segment else {})
    ports = {"p": {"network": "lan", "attach": {"netns": "p"}}}
    tenants = {"t": {"networks": {"lan": lan}, "ports": ports}}
    path.write_text(json.dumps({"weft": 1, "name": SCOPE, "tenants": tenants}))
    return ("apply", "-y", "-f", str(path))


def ways(world: World, folder: Path, segment: dict[str, Any]) -> Iterator[Rig]:
    """From a network that stands alone to one on the segment, and from that to nothing. One rig after the other, for
    each brings the world to where it begins."""
    alone, standing = write(folder / "a", None), write(folder / "b", segment)
    yield Rig.between(world, alone, standing)
    yield Rig.between(world, standing, ("destroy", "-y", SCOPE))


@pytest.mark.parametrize(
    ("name", "offset"),
    [pytest.param(name, n, marks=pytest.mark.needs(name) if name != "link" else ()) for n, name in enumerate(SEGMENTS)],
)
def test_a_kill_or_a_refusal_anywhere_leaves_all_or_nothing(
    world: World, tmp_path: Path, name: str, offset: int
) -> None:
    world.run("sh", "-c", CARD)
    for rig in ways(world, tmp_path, SEGMENTS[name]):
        tally = Killer(rig, first=offset % STRIDE, stride=STRIDE).run()
        codes = refuse_every_step(rig, first=offset % STRIDE, stride=STRIDE)
        assert tally.former + tally.wanted and codes[REFUSED]
