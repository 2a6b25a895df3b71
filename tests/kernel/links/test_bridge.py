"""Bridges with ports of somebody else's: what a bridge does, what it keeps of its ports, which VLANs it lets through.

`left` and `right` are somebody else's namespaces with eth0 in each, the other ends pleft and pright on the host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.links.traffic import Lab
from tests.patience import until
from tests.world import World

PORTS = """
set -e
for side in left:1 right:2; do
  netns=${side%:*} number=${side#*:}
  ip netns add $netns
  ip link add p$netns type veth peer name eth0 netns $netns
  ip link set p$netns addrgenmode none
  ip link set p$netns up
  ip -n $netns addr add 10.9.0.$number/24 dev eth0
  ip -n $netns link set eth0 addrgenmode none
  ip -n $netns link set eth0 up
done
"""
FAR = "10.9.0.2"


class Bridged(Lab):
    """The host with two ports, and a file that makes a bridge of them."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.file = world, folder / "weft.yaml"
        world.run("sh", "-c", PORTS)

    def bridge(self, left: Any = None, right: Any = None, **bridge: Any) -> str:
        """Apply `br0` with both ports; `left`, `right`: what it is to keep of each."""
        ports = {
            name: {"existing": True, "master": "br0", **({"bridge_port": kept} if kept else {})}
            for name, kept in (("pleft", left), ("pright", right))
        }
        links = {"br0": {"kind": "bridge", **bridge}, **ports}
        self.file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": links}}))
        return self.again()

    def own(self) -> dict[str, Any]:
        """What iproute2 tells of the bridge itself."""
        found = self.world.json("ip", "-j", "-d", "link", "show", "br0")
        return {"ifindex": found[0]["ifindex"], **found[0]["linkinfo"]["info_data"]}

    def port(self, ifname: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.json("bridge", "-j", "-d", "link", "show", "dev", ifname)[0]
        return found

    def vlans(self, ifname: str) -> dict[int, set[str]]:
        """Flags by VLAN."""
        found = self.world.json("bridge", "-j", "vlan", "show", "dev", ifname)
        return {
            vid: set(entry.get("flags", ()))
            for entry in (found[0]["vlans"] if found else ())
            for vid in range(entry["vlan"], entry.get("vlanEnd", entry["vlan"]) + 1)
        }

    def reaches(self, wait_s: float = 3) -> bool:
        return self.world.ping(FAR, netns="left", wait_s=wait_s)


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Bridged]:
    """Destroy leaves what was there before."""
    made = Bridged(world, tmp_path)
    before = world.dump(settle_s=10)
    yield made
    world.run("weft", "destroy", "-y", "lab", check=False)
    assert differences(before, world.dump(settle_s=10)) == []


def test_all_that_a_bridge_does_is_said_read_back_and_changed_in_place(lab: Bridged) -> None:
    lab.bridge(ageing_time=60, priority=4096, hello_time=3, max_age=12, mcast_querier=True)
    told = lab.own()
    assert (told["ageing_time"], told["hello_time"], told["max_age"], told["priority"]) == (6000, 300, 1200, 4096)
    assert (told["stp_state"], told["forward_delay"], told["mcast_querier"], told["mcast_snooping"]) == (0, 0, 1, 1)
    assert "is as the file says" in lab.again()
    assert lab.reaches()
    with lab.pinging("left", FAR) as pings:
        lab.bridge(ageing_time=30, priority=8192, mcast_snooping=False)
    changed = lab.own()
    assert changed["ifindex"] == told["ifindex"]
    assert (changed["ageing_time"], changed["hello_time"], changed["priority"]) == (3000, 200, 8192)
    assert (changed["mcast_querier"], changed["mcast_snooping"]) == (0, 0)
    assert pings.sent > 0 and pings.lost == 0


def test_stp_goes_on_and_off(lab: Bridged) -> None:
    """Off with no delay at all, which the kernel refuses while it is on."""
    lab.bridge()
    assert lab.own()["forward_delay"] == 0
    lab.bridge(stp=True)
    assert (lab.own()["stp_state"], lab.own()["forward_delay"]) == (1, 1500)
    lab.bridge(stp=False)
    assert (lab.own()["stp_state"], lab.own()["forward_delay"]) == (0, 0)
    assert lab.reaches()


def test_isolated_ports_reach_no_other_isolated_one(lab: Bridged) -> None:
    lab.bridge(left={"isolated": True}, right={"isolated": True})
    assert lab.port("pleft")["isolated"] and lab.port("pright")["isolated"]
    assert not lab.reaches(wait_s=0)
    lab.bridge(left={"isolated": True})
    assert not lab.port("pright")["isolated"]
    assert lab.reaches()


def test_what_a_bridge_keeps_of_a_port_changes_in_place_and_goes_back(lab: Bridged) -> None:
    lab.bridge()
    new = lab.port("pleft")
    assert lab.reaches()
    with lab.pinging("left", FAR) as pings:
        lab.bridge(left={"hairpin": True, "guard": True, "root_block": True, "priority": 7, "mcast_flood": False})
    kept = lab.port("pleft")
    assert kept["hairpin"] and kept["guard"] and kept["root_block"] and not kept["mcast_flood"]
    assert kept["priority"] == 7
    lab.bridge()
    assert {**lab.port("pleft"), "flags": []} == {**new, "flags": []}
    assert pings.sent > 0 and pings.lost == 0


def test_a_port_of_which_nothing_but_its_cost_is_said(lab: Bridged) -> None:
    """Other ports' costs are the kernel's, and nobody's to take away."""
    lab.bridge(left={"cost": 50})
    assert lab.port("pleft")["cost"] == 50
    assert "is as the file says" in lab.again()
    lab.world.run("bridge", "link", "set", "dev", "pleft", "cost", "4")
    assert lab.status() == (3, ["pleft"])
    lab.bridge(left={"cost": 100}, right={"isolated": True, "cost": 7})
    assert lab.port("pleft")["cost"] == 100 and lab.status()[0] == 0
    lab.bridge()
    assert lab.status()[0] == 0 and "is as the file says" in lab.again()


def test_a_port_that_somebody_changed_is_named_and_put_back(lab: Bridged) -> None:
    lab.bridge(left={"isolated": True})
    lab.world.run("bridge", "link", "set", "dev", "pleft", "isolated", "off")
    assert lab.status() == (3, ["pleft"])
    lab.again()
    assert lab.port("pleft")["isolated"]


def test_a_port_goes_back_to_the_bridge_that_it_came_from(lab: Bridged) -> None:
    world = lab.world
    world.run("ip", "link", "add", "theirs", "type", "bridge")
    world.run("ip", "link", "set", "pleft", "master", "theirs")
    lab.bridge()
    assert world.json("ip", "-j", "link", "show", "pleft")[0]["master"] == "br0"
    world.run("weft", "destroy", "-y", "lab")
    assert world.json("ip", "-j", "link", "show", "pleft")[0]["master"] == "theirs"
    assert "master" not in world.json("ip", "-j", "link", "show", "pright")[0]
    world.run("ip", "link", "del", "theirs")


def test_members_need_no_entries_and_leave_when_they_are_named_no_more(lab: Bridged) -> None:
    def members(*names: str) -> None:
        bridge = {"kind": "bridge", "members": names}
        lab.file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": {"br0": bridge}}}))
        lab.again()

    members("pleft", "pright")
    assert lab.reaches()
    members("pleft")
    assert "master" not in lab.world.json("ip", "-j", "link", "show", "pright")[0]
    assert not lab.reaches(wait_s=0)


def test_a_link_that_was_down_is_up_and_goes_down_again(lab: Bridged) -> None:
    lab.world.run("ip", "link", "set", "pleft", "down")
    links = {"pleft": {"existing": True, "up": True}}
    lab.file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": links}}))
    lab.again()
    assert "UP" in lab.world.json("ip", "-j", "link", "show", "pleft")[0]["flags"]
    lab.world.run("weft", "destroy", "-y", "lab")
    assert "UP" not in lab.world.json("ip", "-j", "link", "show", "pleft")[0]["flags"]
    lab.world.run("ip", "link", "set", "pleft", "up")
    local = ("ip", "-6", "route", "show", "table", "local", "dev", "pleft")
    until(lambda: "ff00::/8" in lab.world.run(*local).stdout, "IPv6 is at work on the link again")


def test_router_advertisements_are_heard_or_not_and_all_else_of_the_link_is_let_be(lab: Bridged) -> None:
    def sysctl(name: str) -> str:
        return lab.world.run("sysctl", "-n", f"net.{name}").stdout.strip()

    links = {"pleft": {"existing": True, "accept_ra": False}, "pright": {"existing": True, "accept_ra": True}}
    lab.file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": links}}))
    lab.again()
    assert (sysctl("ipv6.conf.pleft.accept_ra"), sysctl("ipv6.conf.pright.accept_ra")) == ("0", "2")
    lab.world.run("sysctl", "-w", "net.ipv4.conf.pleft.rp_filter=2", "net.ipv4.conf.pleft.forwarding=1")
    lab.again()
    assert (sysctl("ipv4.conf.pleft.rp_filter"), sysctl("ipv4.conf.pleft.forwarding")) == ("2", "1")
    lab.world.run("sysctl", "-w", "net.ipv4.conf.pleft.rp_filter=0", "net.ipv4.conf.pleft.forwarding=0")
    lab.world.run("weft", "destroy", "-y", "lab")
    assert (sysctl("ipv6.conf.pleft.accept_ra"), sysctl("ipv6.conf.pright.accept_ra")) == ("1", "1")


@pytest.mark.needs("bridge_vlan")
def test_a_bridge_keeps_vlans_apart(lab: Bridged) -> None:
    access = {"vlans": ["5 pvid untagged"]}
    lab.bridge(access, access, vlan_filtering=True)
    assert lab.vlans("pleft") == {5: {"PVID", "Egress Untagged"}}
    assert lab.vlans("br0") == {1: {"PVID", "Egress Untagged"}}
    assert lab.reaches()
    assert "is as the file says" in lab.again()
    index = lab.own()["ifindex"]
    lab.bridge(access, {"vlans": ["6 pvid untagged"]}, vlan_filtering=True)
    assert not lab.reaches(wait_s=0)
    lab.bridge(vlan_filtering=True)
    assert lab.vlans("pleft") == {1: {"PVID", "Egress Untagged"}}
    assert lab.reaches()
    assert lab.own()["ifindex"] == index


@pytest.mark.needs("bridge_vlan", "vlan")
def test_a_trunk_carries_tagged_what_a_port_has_untagged(lab: Bridged) -> None:
    lab.world.run("ip", "-n", "right", "addr", "flush", "dev", "eth0")
    lab.world.run("ip", "-n", "right", "link", "add", "link", "eth0", "name", "v5", "type", "vlan", "id", "5")
    lab.world.run("ip", "-n", "right", "addr", "add", f"{FAR}/24", "dev", "v5")
    lab.world.run("ip", "-n", "right", "link", "set", "v5", "up")
    lab.bridge({"vlans": ["5 pvid untagged"]}, {"vlans": [5, "10-500"]}, vlan_filtering=True, vlan_default_pvid="none")
    assert lab.vlans("pright") == {vid: set() for vid in (5, *range(10, 501))}
    assert lab.vlans("br0") == {}
    assert lab.reaches()
    with lab.pinging("left", FAR) as pings:
        lab.bridge({"vlans": ["5 pvid untagged"]}, {"vlans": [5, "400-600"]}, vlan_filtering=True)
    assert lab.vlans("pright") == {vid: set() for vid in (5, *range(400, 601))}
    assert pings.sent > 0 and pings.lost == 0
    lab.world.run("ip", "-n", "right", "link", "del", "v5")
    lab.world.run("ip", "-n", "right", "addr", "add", f"{FAR}/24", "dev", "eth0")


@pytest.mark.needs("bridge_vlan")
def test_a_vlan_that_somebody_took_is_named_and_comes_back_and_foreign_ports_are_their_owners(lab: Bridged) -> None:
    world = lab.world
    lab.bridge({"vlans": ["5 pvid untagged", "7"]}, vlan_filtering=True)
    world.run("ip", "link", "add", "guest", "type", "veth", "peer", "name", "guest1")
    world.run("ip", "link", "set", "guest", "master", "br0")
    world.run("bridge", "vlan", "add", "dev", "guest", "vid", "77")
    world.run("bridge", "vlan", "del", "dev", "pleft", "vid", "7")
    assert lab.status() == (3, ["pleft"])
    lab.again()
    assert set(lab.vlans("pleft")) == {5, 7} and set(lab.vlans("guest")) == {1, 77}
    world.run("ip", "link", "del", "guest")
