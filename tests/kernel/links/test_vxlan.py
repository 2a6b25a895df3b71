"""VXLANs between two machines: both families, with learning and without, changed in place, made anew, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.links.underlay import Wire

pytestmark = pytest.mark.needs("vxlan")

UNDERLAY = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
EVERYWHERE = "00:00:00:00:00:00"
MACS = {"one": "02:00:00:00:01:01", "two": "02:00:00:00:01:02"}
OVERLAY = {"one": ["10.7.0.1/24", "fd07::1/64"], "two": ["10.7.0.2/24", "fd07::2/64"]}


def ends(family: int, **more: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """A VXLAN at each side, that knows the other by `remote` unless `more` says otherwise."""
    one, two = UNDERLAY[family]
    known = {} if {"remotes", "group"} & more.keys() else {"one": {"remote": two}, "two": {"remote": one}}
    return {
        netns: {
            "vx0": {
                "kind": "vxlan",
                "vni": 70,
                "local": own,
                "mac": MACS[netns],
                "addresses": OVERLAY[netns],
                **known.get(netns, {}),
                **more,
            }
        }
        for netns, own in (("one", one), ("two", two))
    }


def told(family: int) -> dict[str, dict[str, dict[str, Any]]]:
    """No learning: each side is told of the other's MAC."""
    links = ends(family, learning=False, remotes=[])
    for netns, other, remote in zip(("one", "two"), ("two", "one"), reversed(UNDERLAY[family]), strict=True):
        links[netns]["vx0"] |= {"remotes": [remote], "fdb": [{"mac": MACS[other], "remote": remote}]}
    return links


@pytest.mark.parametrize(("family", "overhead"), [(4, 50), (6, 70)])
def test_frames_travel_and_fill_the_wire(wire: Wire, family: int, overhead: int) -> None:
    """The MTU is what the wire's 1600 leave, and a packet of that size arrives in one piece."""
    wire.apply(ends(family, link="eth0", mtu=1600 - overhead))
    assert wire.world.ping("10.7.0.2", netns="one") and wire.world.ping("fd07::2", netns="one")
    assert wire.carries("one", "10.7.0.2", 1600 - overhead - 28)
    seen = wire.link("one", "vx0")
    data = seen["linkinfo"]["info_data"]
    assert (seen["mtu"], data["id"], data["port"]) == (1600 - overhead, 70, 4789)
    assert data["learning"] and data["link"] == "eth0"
    assert data["local" if family == 4 else "local6"] == UNDERLAY[family][0]
    assert wire.fdb("one", "vx0") == {(EVERYWHERE, UNDERLAY[family][1])}
    assert "is as the file says" in wire.apply(ends(family, link="eth0", mtu=1600 - overhead))


@pytest.mark.parametrize("family", [4, 6])
def test_without_learning_frames_go_where_the_entries_say(wire: Wire, family: int) -> None:
    wire.apply(told(family))
    remote = UNDERLAY[family][1]
    assert wire.fdb("one", "vx0") == {(EVERYWHERE, remote), (MACS["two"], remote)}
    assert wire.world.ping("10.7.0.2", netns="one") and wire.world.ping("fd07::2", netns="one")
    assert not wire.link("one", "vx0")["linkinfo"]["info_data"]["learning"]


def test_an_entry_that_somebody_deleted_is_missing_and_comes_back(wire: Wire) -> None:
    """Whoever sends to nowhere is heard by nobody: status names the entry, apply puts it there again."""
    wire.apply(told(4))
    assert wire.world.ping("10.7.0.2", netns="one")
    bridge = ("bridge", "fdb", "del")
    wire.world.run(*bridge, MACS["two"], "dev", "vx0", "dst", "192.0.2.2", netns="one")
    wire.world.run(*bridge, EVERYWHERE, "dev", "vx0", "dst", "192.0.2.2", netns="one")
    assert not wire.world.ping("10.7.0.2", netns="one", wait_s=0)
    missing = [f"vx0 {EVERYWHERE} dst 192.0.2.2", f"vx0 {MACS['two']}"]
    assert wire.status() == (3, missing)
    wire.apply(told(4))
    assert wire.world.ping("10.7.0.2", netns="one")


def test_an_entry_that_is_no_longer_wanted_goes_and_what_was_learned_stays(wire: Wire) -> None:
    """An entry of weft's link that is not in the file is weft's to take away; traffic's and daemons' are not."""
    links = told(4)
    links["one"]["vx0"]["learning"] = True
    wire.apply(links)
    learned = ("bridge", "fdb", "add", "02:00:00:00:09:09", "dev", "vx0", "dst", "192.0.2.2", "dynamic")
    daemon = ("bridge", "fdb", "add", "02:00:00:00:09:08", "dev", "vx0", "dst", "192.0.2.2", "extern_learn")
    wire.world.run(*learned, netns="one")
    wire.world.run(*daemon, netns="one")
    assert wire.status() == (0, [])
    links["one"]["vx0"] |= {"remotes": [], "fdb": []}
    wire.apply(links)
    text = wire.world.run("bridge", "fdb", "show", "dev", "vx0", netns="one").stdout
    assert "02:00:00:00:09:09" in text and "02:00:00:00:09:08" in text
    assert f"{MACS['two']} dst 192.0.2.2 self permanent" not in text and EVERYWHERE not in text


def test_many_remotes_and_their_number_change(wire: Wire) -> None:
    links = told(4)
    links["one"]["vx0"]["remotes"] = ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
    wire.apply(links)
    zeros = {dst for mac, dst in wire.fdb("one", "vx0") if mac == EVERYWHERE}
    assert zeros == {"192.0.2.2", "192.0.2.3", "192.0.2.4"}
    links["one"]["vx0"]["remotes"] = ["192.0.2.2", "192.0.2.5"]
    index = wire.link("one", "vx0")["ifindex"]
    wire.apply(links)
    zeros = {dst for mac, dst in wire.fdb("one", "vx0") if mac == EVERYWHERE}
    assert zeros == {"192.0.2.2", "192.0.2.5"} and wire.link("one", "vx0")["ifindex"] == index
    assert wire.world.ping("10.7.0.2", netns="one")


def test_a_mac_that_moves_is_sent_elsewhere_in_place(wire: Wire) -> None:
    links = told(4)
    links["one"]["vx0"]["fdb"] = [{"mac": MACS["two"], "remote": "192.0.2.9", "port": 8472, "vni": 71}]
    wire.apply(links)
    (entry,) = (
        found
        for found in wire.world.json("bridge", "-j", "fdb", "show", "dev", "vx0", netns="one")
        if found["mac"] == MACS["two"]
    )
    assert (entry["dst"], entry["port"], entry["vni"]) == ("192.0.2.9", 8472, 71)
    wire.apply(told(4))
    assert (MACS["two"], "192.0.2.2") in wire.fdb("one", "vx0")
    assert wire.world.ping("10.7.0.2", netns="one")


def test_what_the_kernel_changes_on_the_living_link(wire: Wire) -> None:
    """The index stays, and so does the traffic: only the other side's address is another one."""
    wire.apply(ends(4))
    index = wire.link("one", "vx0")["ifindex"]
    wire.world.run("ip", "addr", "add", "192.0.2.22/24", "dev", "eth0", netns="two")
    changed = ends(4)
    changed["one"]["vx0"] |= {"remote": "192.0.2.22", "learning": False, "ageing": 60, "ttl": 9, "tos": 16, "df": "set"}
    changed["one"]["vx0"] |= {"mtu": 1400}
    changed["two"]["vx0"]["local"] = "192.0.2.22"
    wire.apply(changed)
    seen = wire.link("one", "vx0")
    data = seen["linkinfo"]["info_data"]
    assert seen["ifindex"] == index and seen["mtu"] == 1400
    assert (data["remote"], data["learning"], data["ageing"], data["ttl"], data["df"]) == (
        "192.0.2.22", False, 60, 9, "set",
    )  # fmt: skip
    assert wire.fdb("one", "vx0") == {(EVERYWHERE, "192.0.2.22")}
    assert wire.world.ping("10.7.0.2", netns="one")
    wire.apply(ends(4))
    data = wire.link("one", "vx0")["linkinfo"]["info_data"]
    assert data["ttl"] == 0 and data["ageing"] == 300 and data["learning"], "keys taken out go back"


@pytest.mark.parametrize("more", [{"vni": 71}, {"port": 8472}, {"udp_csum": False}, {"ttl": "inherit"}], ids=str)
def test_what_the_kernel_cannot_change_is_made_anew(wire: Wire, more: dict[str, Any]) -> None:
    wire.apply(ends(4))
    index = wire.link("one", "vx0")["ifindex"]
    wire.apply(ends(4, **more))
    assert wire.link("one", "vx0")["ifindex"] != index
    assert wire.world.ping("10.7.0.2", netns="one")
    wire.apply({"one": {}, "two": {}})
    assert wire.link("one", "vx0") == {}


def test_a_group_is_joined_by_the_named_link(wire: Wire) -> None:
    wire.apply(ends(4, link="eth0", group="239.1.1.1"))
    groups = wire.world.json("ip", "-j", "maddr", "show", "dev", "eth0", netns="one")[0]["maddr"]
    assert "239.1.1.1" in {group.get("address") for group in groups}
    assert wire.world.ping("10.7.0.2", netns="one")
    wire.apply(ends(4, link="eth0"))
    assert wire.world.ping("10.7.0.2", netns="one")


def test_the_underlay_may_be_another_namespace(wire: Wire) -> None:
    """The link is inside, its packets travel from `one`: inside there is no way to the other machine at all."""
    links = ends(4)
    links["inner"] = {"vx0": links.pop("one")["vx0"] | {"link_netns": "one"}}
    wire.apply(links)
    assert wire.world.ping("10.7.0.2", netns="inner")
    assert not wire.world.ping("192.0.2.2", netns="inner", wait_s=0)
    links["inner"]["vx0"]["link"] = "eth0"
    wire.apply(links)
    assert wire.world.ping("10.7.0.2", netns="inner")
    wire.world.run("ip", "link", "del", "eth0", netns="one")
    assert wire.link("inner", "vx0") == {}, "it went with its parent"
    assert wire.status()[0] == 3


def test_a_bridge_learns_from_static_entries_of_its_ports(wire: Wire) -> None:
    """An entry in the bridge's table: with no learning and no flooding, the one way to the other side."""
    links = told(4)
    entries = links["one"]["vx0"]["fdb"]
    links["one"] = {
        "br0": {"kind": "bridge", "mtu": 1450, "addresses": ["10.7.0.1/24"], "mac": MACS["one"]},
        "vx0": links["one"]["vx0"]
        | {"master": "br0", "addresses": [], "mac": "02:00:00:00:01:09", "fdb": [*entries, {"mac": MACS["two"]}]},
    }
    links["two"]["vx0"]["addresses"] = ["10.7.0.2/24"]
    wire.apply(links)
    assert (MACS["two"], "master") in wire.fdb("one", "vx0")
    wire.world.run("bridge", "link", "set", "dev", "vx0", "learning", "off", "flood", "off", netns="one")
    assert wire.world.ping("10.7.0.2", netns="one")
    wire.world.run("bridge", "fdb", "del", MACS["two"], "dev", "vx0", "master", netns="one")
    assert not wire.world.ping("10.7.0.2", netns="one", wait_s=0)
    assert wire.status()[0] == 3
    wire.apply(links)
    assert wire.world.ping("10.7.0.2", netns="one")
    links["one"]["br0"]["mtu"] = 1400
    links["one"]["vx0"].pop("master")
    links["one"]["vx0"]["fdb"] = entries
    wire.apply(links)
    assert (MACS["two"], "master") not in wire.fdb("one", "vx0")


def test_destroy_leaves_the_machine_as_it_was(wire: Wire) -> None:
    before = wire.world.dump(settle_s=5)
    wire.apply(told(6))
    wire.destroy()
    assert differences(before, wire.world.dump(settle_s=5)) == []
