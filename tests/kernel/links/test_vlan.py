"""VLANs of links: both protocols with traffic, one in another, over namespaces, changed in place and made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.links.traffic import Lab
from tests.world import World

pytestmark = pytest.mark.needs("vlan")

FAR = "10.8.0.2"


@pytest.fixture
def wire(world: World, tmp_path: Path) -> Lab:
    return Lab(world, tmp_path)


def vlan(number: int | None = None, vid: int = 10, link: str = "eth0", **more: Any) -> dict[str, Any]:
    addresses = [f"10.8.0.{number}/24", f"fd08::{number}/64"] if number else []
    return {"kind": "vlan", "link": link, "vid": vid, "addresses": addresses, **more}


def both(vid: int = 10, **more: Any) -> dict[str, dict[str, Any]]:
    return {"one": {"v": vlan(1, vid, **more)}, "two": {"v": vlan(2, vid, **more)}}


def data(wire: Lab, netns: str, ifname: str) -> dict[str, Any]:
    found: dict[str, Any] = wire.link(netns, ifname)["linkinfo"]["info_data"]
    return found


@pytest.mark.parametrize("protocol", ["802.1q", "802.1ad"])
def test_frames_travel_with_the_parents_mtu_and_mac_and_nothing_stays(wire: Lab, protocol: str) -> None:
    before = wire.world.dump(settle_s=10)
    wire.apply(both(protocol=protocol))
    assert wire.world.ping(FAR, netns="one") and wire.world.ping("fd08::2", netns="one")
    assert wire.carries("one", FAR, 1600 - 28)
    seen = wire.link("one", "v")
    assert (data(wire, "one", "v")["protocol"].lower(), data(wire, "one", "v")["id"]) == (protocol, 10)
    assert (seen["mtu"], seen["link"]) == (1600, "eth0")
    assert seen["address"] == wire.link("one", "eth0")["address"]
    assert "is as the file says" in wire.again()
    wire.world.run("weft", "destroy", "-y", "lab")
    assert differences(before, wire.world.dump(settle_s=10)) == []


def test_flags_and_priorities_change_in_place_and_lose_nothing(wire: Lab) -> None:
    wire.apply(both(egress_qos=["1:2", "2:3"], gvrp=True))
    first = data(wire, "one", "v")
    assert {"GVRP", "REORDER_HDR"} == set(first["flags"])
    assert first["egress_qos"] == [{"from": 1, "to": 2}, {"from": 2, "to": 3}]
    index = wire.link("one", "v")["ifindex"]
    assert wire.world.ping(FAR, netns="one")
    with wire.pinging("one", FAR) as pings:
        wire.apply(both(egress_qos=["2:4"], ingress_qos=["5:1"], loose_binding=True))
    changed = data(wire, "one", "v")
    assert set(changed["flags"]) == {"REORDER_HDR", "LOOSE_BINDING"}
    assert (changed["egress_qos"], changed["ingress_qos"]) == ([{"from": 2, "to": 4}], [{"from": 5, "to": 1}])
    assert wire.link("one", "v")["ifindex"] == index
    assert pings.sent > 0 and pings.lost == 0


def test_another_vid_is_another_link_and_another_network(wire: Lab) -> None:
    wire.apply(both())
    index = wire.link("one", "v")["ifindex"]
    wire.apply({"one": {"v": vlan(1, 11)}, "two": {"v": vlan(2, 10)}})
    assert wire.link("one", "v")["ifindex"] != index
    assert not wire.world.ping(FAR, netns="one", wait_s=0)
    wire.apply(both(11))
    assert wire.world.ping(FAR, netns="one")


def test_two_vlans_of_a_link_change_their_numbers_with_each_other(wire: Lab) -> None:
    wire.apply({"one": {"a": vlan(vid=10), "b": vlan(vid=20)}})
    wire.apply({"one": {"a": vlan(vid=20), "b": vlan(vid=10)}})
    assert (data(wire, "one", "a")["id"], data(wire, "one", "b")["id"]) == (20, 10)


def test_a_vlan_in_a_vlan(wire: Lab) -> None:
    """Whatever stands first in the file."""
    wire.apply(
        {
            netns: {"inner": vlan(number, 7, link="outer"), "outer": vlan(vid=100, protocol="802.1ad")}
            for netns, number in (("one", 1), ("two", 2))
        }
    )
    assert wire.world.ping(FAR, netns="one")
    assert data(wire, "one", "outer")["protocol"] == "802.1ad"


def test_a_vlan_in_a_namespace_its_parent_in_another(wire: Lab) -> None:
    before = wire.world.dump(settle_s=10)
    away = {"web": {"v": vlan(1, link="eth0", link_netns="one")}, "two": {"v": vlan(2)}}
    wire.apply(away)
    assert wire.world.ping(FAR, netns="web")
    seen = wire.link("web", "v")
    assert "link_netnsid" in seen and seen["mtu"] == 1600
    assert "is as the file says" in wire.again()
    wire.world.run("weft", "destroy", "-y", "lab")
    assert differences(before, wire.world.dump(settle_s=10)) == []


def test_a_parent_deleted_under_its_children_is_mended_with_them(wire: Lab) -> None:
    wire.apply(
        {
            "one": {"p0": {"kind": "veth", "peer": "p1"}, "here": vlan(link="p0", vid=5)},
            "web": {"there": vlan(link="p0", vid=6, link_netns="one")},
        }
    )
    wire.world.run("ip", "link", "del", "p0", netns="one")
    assert wire.link("web", "there") == {}
    code, different = wire.status()
    assert code == 3 and any("there" in name for name in different) and any("here" in name for name in different)
    wire.again()
    assert data(wire, "web", "there")["id"] == 6 and data(wire, "one", "here")["id"] == 5


def test_a_jumbo_vlan_comes_with_the_jumbo_mtu_of_a_foreign_parent(wire: Lab) -> None:
    """The parent's MTU is raised first, and put back last."""
    before = wire.world.dump(settle_s=10)
    raised = {netns: {"eth0": {"existing": True, "mtu": 9000}, **links} for netns, links in both().items()}
    wire.apply(raised)
    assert wire.link("one", "v")["mtu"] == 9000
    assert wire.world.ping(FAR, netns="one") and wire.carries("one", FAR, 8972)
    wire.world.run("weft", "destroy", "-y", "lab")
    assert differences(before, wire.world.dump(settle_s=10)) == []
