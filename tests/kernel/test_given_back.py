"""A port of somebody else's bridge is taken into weft's, and given back with all that its bridge kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import Rig
from tests.world import World

pytestmark = pytest.mark.kernel

THEIRS = """
set -e
ip link add br9 type bridge forward_delay 0; ip link set br9 up
ip link add p0 type veth peer name q0; ip link set p0 master br9 up; ip link set q0 up
ip link set p0 type bridge_slave hairpin on isolated on priority 7 learning off cost 55 mcast_router 2 proxy_arp on
bridge fdb add 02:00:00:00:00:99 dev p0 master static
bridge fdb add 02:00:00:00:00:98 dev p0 master permanent
"""
VLANS = """
set -e
ip link set br9 type bridge vlan_filtering 1
bridge vlan add vid 7 pvid untagged dev p0; bridge vlan add vid 100-120 dev p0; bridge vlan del vid 1 dev p0
bridge fdb add 02:00:00:00:00:97 dev p0 master static vlan 7
"""
FILE = {
    "weft": 1,
    "name": "lab",
    "host": {"links": {"br0": {"kind": "bridge", "members": ["p0"]}}},
}


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    world.run("sh", "-c", THEIRS)
    path = tmp_path / "weft.yaml"
    path.write_text(json.dumps(FILE))
    return path


def there_and_back(world: World, file: Path) -> None:
    before, kept = world.dump(settle_s=3), bridges(world)
    ran = world.run("weft", "apply", "-y", "-f", file)
    assert "forgets" not in ran.stdout + ran.stderr
    assert world.json("ip", "-j", "link", "show", "dev", "p0")[0]["master"] == "br0"
    assert "is as the file says" in world.run("weft", "apply", "-y", "-f", file).stdout
    assert "port of br9" in world.run("weft", "destroy", "lab", check=False).stdout
    world.run("weft", "destroy", "-y", "lab")
    assert bridges(world) == kept
    assert differences(before, world.dump(settle_s=3)) == []


def bridges(world: World) -> tuple[str, ...]:
    """All that bridge(8) tells of the port that somebody has said."""
    port = world.json("bridge", "-j", "-d", "link", "show", "dev", "p0")
    entries = world.run("bridge", "fdb", "show", "dev", "p0").stdout.splitlines()
    said = sorted(line for line in entries if "static" in line or "permanent" in line)
    vlans = world.run("bridge", "vlan", "show", "dev", "p0", check=False).stdout
    return (str(port), *said, vlans)


def test_options_and_entries_come_back(world: World, file: Path) -> None:
    there_and_back(world, file)


@pytest.mark.needs("bridge_vlan")
def test_vlans_come_back(world: World, file: Path) -> None:
    world.run("sh", "-c", VLANS)
    there_and_back(world, file)


def test_a_bridge_that_is_gone_by_then_is_none_to_go_back_to(world: World, file: Path) -> None:
    world.run("weft", "apply", "-y", "-f", file)
    world.run("ip", "link", "del", "dev", "br9")
    world.run("weft", "destroy", "-y", "lab")
    assert "master" not in world.json("ip", "-j", "link", "show", "dev", "p0")[0]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_at_any_step_leaves_the_bridge_what_it_keeps(world: World, file: Path) -> None:
    preload()
    kept = bridges(world)
    assert weft_in(world, "apply", "-y", "-f", file).status == 0
    rig = Rig.between(world, ("apply", "-y", "-f", str(file)), ("destroy", "-y", "lab"))

    def proof() -> None:
        if world.json("ip", "-j", "link", "show", "dev", "p0")[0]["master"] == "br9":
            assert bridges(world) == kept

    tally = Killer(rig, proof).run()
    print(tally)
    assert min(tally.former, tally.wanted) > 5
