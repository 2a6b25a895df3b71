"""SIGKILL at every write of a change of groups: the former filter or the wanted one (as tests/kernel/test_kill.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import End, Rig
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.needs("nft_bridge")]
STRIDE = min(4, int(os.environ.get("WEFT_FAULT_STRIDE", "1")))
"""In a guest, where each kill takes ten times as long, every fourth change."""

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
RECORDED = OTHER.replace("recorder: false", "recorder: true")


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def between(world: World, tmp_path: Path, *texts: str) -> Rig:
    intents.give_way_out(world)
    files = [tmp_path / f"{at}.yaml" for at in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return Rig.between(world, *(("apply", "-y", "-f", str(file)) for file in files))


def test_from_some_groups_to_others_and_back(world: World, tmp_path: Path) -> None:
    tally = Killer(between(world, tmp_path, ONE, OTHER), stride=STRIDE).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3 // STRIDE


@pytest.mark.needs("nft_log")
def test_a_recorder_that_comes_and_goes(world: World, tmp_path: Path) -> None:
    """With the groups that tell something; what it has kept stays."""
    rig = between(world, tmp_path, ONE.replace(", log: true", ""), RECORDED)
    assert recorders(rig.there) and not recorders(rig.here)
    tally = Killer(rig, stride=2).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 1


@pytest.mark.needs("nft_log")
def test_a_recorder_with_all_of_its_scope(world: World, tmp_path: Path) -> None:
    """What it has kept goes with the scope. From 1 on: killed before its `leave`, a supervisor of nothing stays."""
    file = tmp_path / "weft.yaml"
    file.write_text(RECORDED)
    rig = Rig.between(world, ("apply", "-y", "-f", str(file)), ("destroy", "-y", "lab"))
    assert recorders(rig.here) and not recorders(rig.there)
    tally = Killer(rig, first=1, stride=2).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 1


def recorders(end: End) -> list[str]:
    return [line for line in end.files.programs if "-m weft.doors.recorder" in line]
