"""SIGKILL at every write of a change of groups: the former filter or the wanted one (as tests/kernel/test_kill.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import Rig
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.needs("nft_bridge")]

ONE = """
weft: 1
name: lab
drops: {recorder: false}
tenants:
  t:
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80-90, 443], log: true}, {remote: {group: web}}]}
    ports:
      web: {network: front, attach: {netns: web}, security_groups: [web]}
      free: {network: front, attach: {netns: free}}
"""
OTHER = """
weft: 1
name: lab
drops: {recorder: false}
tenants:
  t:
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"]}}
    security_groups:
      web:
        ingress:
          - {protocol: tcp, ports: [85-100], remote: 10.0.0.0/8}
          - {protocol: icmp, action: deny}
          - {protocol: tcp, ports: [80-90, 443], log: {rate: 1/minute}}
        egress: []
      ssh: {audit: true, ingress: [{protocol: tcp, ports: [22], remote: {group: web}, priority: 5}], egress: []}
    ports:
      web: {network: front, attach: {netns: web}, security_groups: [web, ssh], allowed_address_pairs: [10.9.0.0/16]}
      free: {network: front, attach: {netns: free}, security_groups: [], log_drops: {rate: 2/second}}
"""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def test_from_some_groups_to_others_and_back(world: World, tmp_path: Path) -> None:
    intents.give_way_out(world)
    files = {name: tmp_path / f"{name}.yaml" for name in ("one", "other")}
    for name, text in (("one", ONE), ("other", OTHER)):
        files[name].write_text(text)
    ways = (("apply", "-y", "-f", str(files[name])) for name in ("one", "other"))
    tally = Killer(Rig.between(world, *ways)).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3
