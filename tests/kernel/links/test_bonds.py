"""Bonds: each mode with traffic, members taken down under traffic, changes in place and anew, members that are weft's
and members that are not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.links.traffic import Lab
from tests.world import World

pytestmark = pytest.mark.needs("bond")

MODES = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"]
FAR = "10.8.0.2"

WIRES = """
set -e
for number in 1 2; do
  ip link add m$number netns one type veth peer name m$number netns two
  ip -n one link set m$number up mtu 1400
  ip -n two link set m$number up
done
"""


@pytest.fixture
def wire(world: World, tmp_path: Path) -> Lab:
    """Two machines with two wires more between them, m1 and m2."""
    lab = Lab(world, tmp_path)
    world.run("sh", "-c", WIRES)
    return lab


def bonds(mode: str, **more: Any) -> dict[str, dict[str, Any]]:
    """A bond of both wires at each machine."""
    return {
        netns: {
            "b": {
                "kind": "bond",
                "mode": mode,
                "members": ["m1", "m2"],
                "addresses": [f"10.8.0.{number}/24"],
                **more,
            }
        }
        for netns, number in (("one", 1), ("two", 2))
    }


def data(wire: Lab, netns: str = "one") -> dict[str, Any]:
    found: dict[str, Any] = wire.link(netns, "b")["linkinfo"]["info_data"]
    return found


def wait(reached: Callable[[], bool]) -> None:
    """Partners agree, and carriers are noticed, some time after."""
    until = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.2)


def switched(wanted: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same with a switch instead of the far bond: what balances by MAC wants one."""
    return {**wanted, "two": {"b": {"kind": "bridge", "members": ["m1", "m2"], "addresses": [f"{FAR}/24"]}}}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_carries_traffic_and_leaves_nothing(wire: Lab, mode: str) -> None:
    before = wire.world.dump(settle_s=3)
    wanted = bonds(mode, mtu=1450)
    wire.apply(switched(wanted) if mode in ("balance-tlb", "balance-alb") else wanted)
    assert data(wire)["mode"] == mode
    assert wire.link("one", "m1")["mtu"] == 1450
    wait(lambda: wire.carries("one", FAR, 1422))
    wire.destroy()
    assert differences(before, wire.world.dump(settle_s=3)) == []


def test_lacp_goes_on_with_the_other_member(wire: Lab) -> None:
    """Of pings at every 20 ms a few are lost until the carrier's loss is seen."""
    wire.apply(bonds("802.3ad", lacp_rate="fast", miimon=50, xmit_hash_policy="layer3+4", min_links=1))
    said = data(wire)
    assert (said["ad_lacp_rate"], said["miimon"], said["xmit_hash_policy"], said["min_links"]) == (
        "fast",
        50,
        "layer3+4",
        1,
    )
    for member in ("m1", "m2"):
        wait(lambda: {data(wire, side)["ad_info"]["num_ports"] for side in ("one", "two")} == {2})
        wait(lambda: wire.carries("one", FAR, 56))
        with wire.pinging("one", FAR) as pings:
            time.sleep(1)
            wire.world.run("ip", "link", "set", member, "down", netns="two")
            wait(lambda: data(wire)["ad_info"]["num_ports"] == 1)
            time.sleep(1)
        assert pings.lost < pings.sent / 2
        wire.world.run("ip", "link", "set", member, "up", netns="two")


def test_active_backup_uses_its_primary_whenever_it_can(wire: Lab) -> None:
    wire.apply(bonds("active-backup", primary="m2", primary_reselect="always", miimon=50))
    wait(lambda: data(wire)["active_slave"] == data(wire, "two")["active_slave"] == "m2")
    assert data(wire)["primary"] == "m2"
    with wire.pinging("one", FAR) as pings:
        time.sleep(0.3)
        wire.world.run("ip", "link", "set", "m2", "down", netns="two")
        wait(lambda: data(wire)["active_slave"] == data(wire, "two")["active_slave"] == "m1")
        wire.world.run("ip", "link", "set", "m2", "up", netns="two")
        wait(lambda: data(wire)["active_slave"] == data(wire, "two")["active_slave"] == "m2")
        time.sleep(0.3)
    assert pings.lost < pings.sent / 2
    assert wire.status()[0] == 0


def test_a_member_that_somebody_took_out_or_down_is_named_and_mended(wire: Lab) -> None:
    wire.apply(bonds("active-backup"))
    wire.world.run("ip", "link", "set", "m1", "down", netns="one")
    assert wire.status() == (3, ["m1 bond"])
    wire.world.run("ip", "link", "set", "m2", "nomaster", netns="one")
    assert wire.status() == (3, ["m1 bond", "m2 bond"])
    wire.again()
    assert {wire.link("one", member)["master"] for member in ("m1", "m2")} == {"b"}


def test_what_changes_in_place_loses_nothing(wire: Lab) -> None:
    wire.apply(bonds("balance-xor"))
    index = wire.link("one", "b")["ifindex"]
    wait(lambda: wire.carries("one", FAR, 56))
    with wire.pinging("one", FAR) as pings:
        wire.apply(bonds("balance-xor", xmit_hash_policy="layer2+3", miimon=50, updelay=100, downdelay=150))
    assert pings.lost == 0
    assert wire.link("one", "b")["ifindex"] == index
    said = data(wire)
    assert (said["xmit_hash_policy"], said["miimon"], said["updelay"], said["downdelay"]) == ("layer2+3", 50, 100, 150)
    wire.apply(bonds("balance-xor", arp_interval=200, arp_ip_target=["10.8.0.9"], arp_validate="all"))
    said = data(wire)
    assert (said["arp_interval"], said["arp_ip_target"], said["arp_validate"]) == (200, ["10.8.0.9"], "all")
    wire.apply(bonds("balance-xor"))
    said = data(wire)
    assert (said["miimon"], said["arp_interval"], said["xmit_hash_policy"]) == (100, 0, "layer2")
    assert wire.link("one", "b")["ifindex"] == index


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (bonds("active-backup", primary="m1"), bonds("802.3ad")),
        (bonds("802.3ad"), bonds("802.3ad", lacp_rate="fast", ad_select="bandwidth")),
        (bonds("active-backup"), bonds("active-backup", fail_over_mac="active")),
    ],
    ids=["mode", "lacp", "macs"],
)
def test_what_is_for_life_makes_another_bond_of_the_same_members(
    wire: Lab, before: dict[str, Any], after: dict[str, Any]
) -> None:
    wire.apply(before)
    index = wire.link("one", "b")["ifindex"]
    wire.apply(after)
    assert wire.link("one", "b")["ifindex"] != index
    assert {wire.link("one", member)["master"] for member in ("m1", "m2")} == {"b"}
    wait(lambda: wire.carries("one", FAR, 56))


OWN = {
    "a1": {"kind": "veth", "peer": "a2"},
    "c1": {"kind": "veth", "peer": "c2"},
    "br": {"kind": "bridge"},
    "b": {"kind": "bond", "mode": "active-backup"},
}


def own(masters: dict[str, str], **bond: Any) -> dict[str, dict[str, Any]]:
    """A namespace with a bond, a bridge, and two veths, each a port of what is said."""
    links: dict[str, Any] = {name: dict(link) for name, link in OWN.items()}
    for member, master in masters.items():
        links[member]["master"] = master
    links["b"].update(bond)
    return {"one": links}


def test_weft_s_own_links_move_into_a_bond_and_out_of_it(wire: Lab) -> None:
    first = {"a1": "b", "c1": "b"}
    wire.apply(own(first, mtu=1450, primary="c1"))
    macs = {name: wire.link("one", name)["ifindex"] for name in ("a1", "c1")}
    assert wire.link("one", "a1")["address"] == wire.link("one", "b")["address"]
    assert (data(wire)["primary"], wire.link("one", "a1")["mtu"]) == ("c1", 1450)
    wire.apply(own({"a1": "br", "c1": "b"}, mtu=1450))
    moved = wire.link("one", "a1")
    assert (moved["master"], moved["mtu"], moved["operstate"]) == ("br", 1500, "UP")
    assert moved["address"] != wire.link("one", "b")["address"]
    assert "primary" not in data(wire)
    wire.apply(own(first, mtu=1450, mode="broadcast"))
    assert data(wire)["mode"] == "broadcast"
    assert {wire.link("one", name)["master"] for name in ("a1", "c1")} == {"b"}
    assert macs == {name: wire.link("one", name)["ifindex"] for name in ("a1", "c1")}
    links = own(first, mtu=1450, mode="broadcast")
    links["one"]["a1"]["mac"] = "02:00:00:00:00:77"
    wire.apply(links)
    assert wire.link("one", "a1")["linkinfo"]["info_slave_data"]["perm_hwaddr"] == "02:00:00:00:00:77"


def test_a_member_that_a_bond_made_anew_lets_go_is_up_again(wire: Lab) -> None:
    """The kernel closes what leaves a bond, and a bond that is made anew lets go of all."""
    wire.apply({"one": {**OWN, "b": {"kind": "bond", "mode": "802.3ad", "members": ["a1", "c1"]}}})
    free = {**OWN["a1"], "addresses": ["10.8.0.1/24"]}
    wire.apply({"one": {**OWN, "a1": free, "b": {"kind": "bond", "mode": "balance-rr", "members": ["c1"]}}})
    assert wire.link("one", "a1")["operstate"] == wire.link("one", "c1")["operstate"] == "UP"


def test_so_is_a_link_of_somebody_elses(wire: Lab) -> None:
    theirs = {"d1": {"existing": True}, "d2": {"existing": True}}
    for ifname in theirs:
        made = f"ip link add {ifname} type veth peer far-{ifname}; ip link set {ifname} up; ip link set far-{ifname} up"
        wire.world.run("sh", "-ec", made, netns="one")
    wire.apply({"one": {**theirs, "b": {"kind": "bond", "mode": "active-backup", "members": ["d1", "d2"]}}})
    wire.apply({"one": {**theirs, "b": {"kind": "bond", "mode": "balance-rr", "members": ["d1"]}}})
    assert (wire.link("one", "d1")["master"], "master" in wire.link("one", "d2")) == ("b", False)
    wait(lambda: {wire.link("one", ifname)["operstate"] for ifname in theirs} == {"UP"})


BACKUP = {"kind": "bond", "mode": "active-backup"}
LATER = {
    "a new member": (
        {"b": {**BACKUP, "members": ["m1"]}},
        {"b": {**BACKUP, "members": ["m1", "c"], "primary": "c"}, "c": {"kind": "dummy"}},
    ),
    "in the place of another kind": (
        {"b": {**BACKUP, "members": ["m1"]}, "c": {"kind": "bridge"}},
        {"b": {**BACKUP, "members": ["m1", "c"], "primary": "c"}, "c": {"kind": "veth", "peer": "far"}},
    ),
    "upon a link that changes": (
        {"b": {**BACKUP, "members": ["m1"], "mtu": 1400}, "x": {"kind": "bridge"}},
        {
            "b": {**BACKUP, "members": ["m1", "c"], "primary": "c", "mtu": 1400},
            "x": {"kind": "bridge", "mtu": 1450},
            "c": {"kind": "macvlan", "link": "x"},
        },
    ),
    "replaced with the bond": (
        {"b": {**BACKUP, "members": ["c"]}, "c": {"kind": "tap"}},
        {"b": {**BACKUP, "mode": "balance-tlb", "members": ["c"], "primary": "c"}, "c": {"kind": "tap", "queues": 4}},
    ),
}


@pytest.mark.parametrize("case", LATER)
def test_a_primary_made_later_than_its_bond_takes_one_apply(wire: Lab, case: str) -> None:
    """`apply` asks for a second one, and that finds nothing to do."""
    for links in LATER[case]:
        wire.apply({"one": links})
    assert data(wire)["primary"] == "c"


@pytest.mark.parametrize("member", [{}, {"a": {"kind": "dummy"}}], ids=["somebody's", "weft's own"])
def test_a_bond_keeps_its_mac_when_its_last_member_leaves(wire: Lab, member: dict[str, Any]) -> None:
    name = next(iter(member), "m1")
    wire.apply({"one": {"b": {**BACKUP, "members": [name]}, **member}})
    mac = wire.link("one", "b")["address"]
    wire.apply({"one": {"b": {**BACKUP, "members": []}, **member}})
    assert wire.link("one", "b")["address"] == mac
    wire.apply({"one": {"b": {**BACKUP, "members": [name]}, **member}})
    wire.apply({"one": {"b": {**BACKUP, "members": []}}})
    assert wire.link("one", "b")["address"] == mac


def test_a_script_names_the_primary_when_it_is_there(wire: Lab) -> None:
    links = {"b": {**BACKUP, "members": ["c", "d"], "primary": "d"}, "c": {"kind": "dummy"}, "d": {"kind": "dummy"}}
    wire.file.write_text(json.dumps({"weft": 1, "name": "lab", "namespaces": {"one": {"links": links}}}))
    script = wire.world.run("weft", "plan", "--format", "script", "-f", wire.file, check=False).stdout
    wire.world.run("sh", "-e", input=script)
    assert data(wire)["primary"] == "d"
    assert "is as the file says" in wire.world.run("weft", "apply", "-y", "-f", wire.file).stdout
