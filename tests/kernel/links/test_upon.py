"""Macvlans, macvtaps and ipvlans: each mode with traffic, changed in place under traffic and anew, over namespaces, and
mended when somebody takes their parent away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.links.traffic import Lab
from tests.world import World

FAR = "192.0.2.2"


@pytest.fixture
def wire(world: World, tmp_path: Path) -> Lab:
    return Lab(world, tmp_path)


def macvlan(mode: str, number: int = 5, **more: Any) -> dict[str, Any]:
    return {"kind": "macvlan", "link": "eth0", "mode": mode, "addresses": [f"192.0.2.{number}/24"], **more}


def data(wire: Lab, netns: str, ifname: str) -> dict[str, Any]:
    found: dict[str, Any] = wire.link(netns, ifname)["linkinfo"]["info_data"]
    return found


def only(wire: Lab, netns: str = "one") -> None:
    """Leave the namespace no other address than weft's, so that a ping leaves by weft's link."""
    wire.world.run("ip", "address", "flush", "dev", "eth0", netns=netns)


@pytest.mark.needs("macvlan")
@pytest.mark.parametrize("mode", ["private", "vepa", "bridge", "passthru"])
def test_a_macvlan_of_each_mode_carries_traffic(wire: Lab, mode: str) -> None:
    only(wire)
    before = wire.world.dump(settle_s=3)
    wire.apply({"one": {"mv": macvlan(mode)}})
    assert data(wire, "one", "mv")["mode"] == mode
    assert (wire.link("one", "mv")["address"] == wire.link("one", "eth0")["address"]) == (mode == "passthru")
    assert wire.link("one", "mv")["mtu"] == 1600
    assert wire.carries("one", FAR, 1572)
    wire.destroy()
    assert differences(before, wire.world.dump(settle_s=3)) == []


@pytest.mark.needs("macvlan")
def test_only_the_sources_are_heard(wire: Lab) -> None:
    only(wire)
    far = wire.link("two", "eth0")["address"]
    wire.apply({"one": {"mv": macvlan("source", sources=["02:00:00:00:00:99"])}})
    assert not wire.carries("one", FAR, 56)
    index = wire.link("one", "mv")["ifindex"]
    wire.apply({"one": {"mv": macvlan("source", sources=[far, "02:00:00:00:00:99"])}})
    assert wire.world.ping(FAR, netns="one")
    assert wire.link("one", "mv")["ifindex"] == index


@pytest.mark.needs("macvlan")
def test_the_mode_changes_in_place_and_loses_nothing_but_to_passthru(wire: Lab) -> None:
    only(wire)
    wire.apply({"one": {"mv": macvlan("private")}})
    index = wire.link("one", "mv")["ifindex"]
    assert wire.world.ping(FAR, netns="one")
    with wire.pinging("one", FAR) as pings:
        for mode in ("vepa", "bridge", "private"):
            wire.apply({"one": {"mv": macvlan(mode)}})
            assert data(wire, "one", "mv")["mode"] == mode
    assert pings.lost == 0
    assert wire.link("one", "mv")["ifindex"] == index
    wire.apply({"one": {"mv": macvlan("passthru")}})
    assert wire.link("one", "mv")["ifindex"] != index
    assert wire.carries("one", FAR, 56)


@pytest.mark.needs("macvlan")
@pytest.mark.parametrize(("mode", "reach"), [("bridge", True), ("private", False)])
def test_macvlans_of_one_parent_in_several_namespaces(wire: Lab, mode: str, reach: bool) -> None:
    upon = {"link_netns": "one"}
    wire.apply({"a": {"mv": macvlan(mode, 5, **upon)}, "b": {"mv": macvlan(mode, 6, **upon)}})
    assert wire.carries("a", FAR, 1572) and wire.carries("b", FAR, 1572)
    assert wire.carries("a", "192.0.2.6", 56) is reach


@pytest.mark.needs("macvlan")
def test_a_parent_taken_away_is_made_again_with_its_children(wire: Lab) -> None:
    """The kernel takes them along, wherever they are."""
    child = {"kind": "macvlan", "link": "br0", "link_netns": "host"}
    wire.apply(
        {"a": {"mv": {**child, "addresses": ["10.1.0.2/24"]}}},
        host={"links": {"br0": {"kind": "bridge", "addresses": ["10.1.0.1/24"]}}},
    )
    assert wire.carries("a", "10.1.0.1", 56) is False  # a parent and its macvlan do not reach each other
    wire.world.run("ip", "link", "del", "br0")
    assert wire.link("a", "mv") == {}
    assert wire.status() == (3, ["br0", "br0 10.1.0.1/24", "mv", "mv 10.1.0.2/24"])
    wire.again()
    assert "UP" in wire.link("a", "mv")["flags"]


@pytest.mark.needs("macvtap")
def test_macvtaps_of_several_namespaces_have_devices_of_their_own(wire: Lab) -> None:
    tap = {"kind": "macvtap", "link": "eth0"}
    wire.apply({"one": {"mt": tap}, "a": {"mt": {**tap, "link_netns": "one"}}, "two": {"mt": tap}})
    devices = {netns: f"/dev/tap{wire.link(netns, 'mt')['ifindex']}" for netns in ("one", "a", "two")}
    assert len(set(devices.values())) == 3
    for netns in ("one", "a"):
        heard = _hears(wire, devices[netns], wire.link(netns, "mt")["address"])
        assert heard == b"weft to " + netns.encode()
    wire.destroy()
    assert not any(map(os.path.exists, devices.values()))


SEND = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0x88B5))
wire.send(bytes.fromhex(sys.argv[1] + "020000000077" + "88b5") + b"weft to " + sys.argv[2].encode() + bytes(50))
"""


def _hears(wire: Lab, device: str, mac: str) -> bytes:
    """What the opener of a macvtap's device reads of a frame that somebody on the wire sends it."""
    netns = next(n for n in ("one", "a") if wire.link(n, "mt")["address"] == mac)
    reader = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        wire.world.run("python3", "-c", SEND, mac.replace(":", ""), netns, netns="two")
        frames = []
        while True:
            try:
                frames.append(os.read(reader, 4096))
            except BlockingIOError:
                break
    finally:
        os.close(reader)
    found = next(frame for frame in frames if b"weft to" in frame)
    return found[found.index(b"weft to") :].rstrip(b"\0")


def ipvlans(mode: str, **more: Any) -> dict[str, Any]:
    """Two upon one parent, in namespaces a and b, with addresses of their own network."""
    upon = {"kind": "ipvlan", "link": "eth0", "link_netns": "one", "mode": mode, **more}
    return {netns: {"iv": {**upon, "addresses": [f"10.9.0.{host}/24"]}} for netns, host in (("a", 5), ("b", 6))}


OUT = {netns: {"routes": [{"to": "192.0.2.0/24", "dev": "iv"}]} for netns in ("a", "b")}


@pytest.fixture
def routed(wire: Lab) -> Lab:
    """The other machine knows the way, for in l3 nobody answers ARP."""
    wire.world.run("ip", "route", "add", "10.9.0.0/24", "via", "192.0.2.1", netns="two")
    return wire


@pytest.mark.needs("ipvlan")
@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
def test_an_ipvlan_of_each_mode_carries_traffic(routed: Lab, mode: str) -> None:
    before = routed.world.dump(settle_s=3)
    routed.apply(ipvlans(mode), **OUT)
    assert (data(routed, "a", "iv")["mode"], routed.link("a", "iv")["mtu"]) == (mode, 1600)
    assert routed.link("a", "iv")["address"] == routed.link("one", "eth0")["address"]
    assert routed.carries("a", FAR, 1572)
    assert routed.carries("a", "10.9.0.6", 56)
    routed.destroy()
    assert differences(before, routed.world.dump(settle_s=3)) == []


@pytest.mark.needs("ipvlan")
def test_mode_and_flag_of_ipvlans_change_in_place(routed: Lab) -> None:
    routed.apply(ipvlans("l2"), **OUT)
    index = routed.link("a", "iv")["ifindex"]
    assert routed.carries("a", "10.9.0.6", 56)
    routed.apply(ipvlans("l2", flag="private"), **OUT)
    assert not routed.carries("a", "10.9.0.6", 56)
    routed.apply(ipvlans("l3s"), **OUT)
    assert data(routed, "a", "iv")["mode"] == "l3s"
    assert routed.carries("a", "10.9.0.6", 56) and routed.carries("a", FAR, 56)
    assert routed.link("a", "iv")["ifindex"] == index


def takers(address: str) -> dict[str, dict[str, Any]]:
    """Each sort of what takes the frames of one's eth0, and has the address."""
    eth0, own = {"existing": True}, {"addresses": [address]}
    upon: dict[str, Any] = {"link": "eth0", **own}
    return {
        "macvlan": {"eth0": eth0, "mv": {"kind": "macvlan", **upon}},
        "port": {"eth0": {**eth0, "master": "br"}, "br": {"kind": "bridge", **own}},
        "passthru": {"eth0": eth0, "pt": {"kind": "macvlan", "mode": "passthru", **upon}},
        "ipvlan": {"eth0": eth0, "iv": {"kind": "ipvlan", "mode": "l2", **upon}},
        "member": {"eth0": eth0, "bo": {"kind": "bond", "mode": "balance-rr", "members": ["eth0"], **own}},
    }


MOVES = [
    pytest.param("macvlan port macvlan passthru port", marks=pytest.mark.needs("macvlan")),
    pytest.param(
        "ipvlan member macvlan ipvlan port ipvlan passthru member", marks=pytest.mark.needs("macvlan", "ipvlan", "bond")
    ),
]


@pytest.mark.parametrize("moves", MOVES)
def test_the_frames_of_a_link_go_from_one_sort_of_taker_to_another(wire: Lab, moves: str) -> None:
    """In one apply, though the kernel calls a link busy while somebody else has its frames."""
    for held in ("192.0.2.1/24", "2001:db8::1/64"):
        wire.world.run("ip", "address", "del", held, "dev", "eth0", netns="one")
    before = wire.world.dump(settle_s=3)
    for number, sort in enumerate(moves.split(), 10):
        wire.apply({"one": takers(f"192.0.2.{number}/24")[sort]})
        assert wire.world.ping(FAR, netns="one")
    wire.destroy()
    assert differences(before, wire.world.dump(settle_s=3)) == []
