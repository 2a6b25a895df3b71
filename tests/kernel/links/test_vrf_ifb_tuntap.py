"""VRFs, ifbs, taps and tuns: read back, with traffic, changed in place, made anew, gone without a trace."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.links.traffic import Lab
from tests.world import World


@pytest.fixture
def wire(world: World, tmp_path: Path) -> Lab:
    return Lab(world, tmp_path)


def vrf(table: int, **more: Any) -> dict[str, Any]:
    """A VRF with one end of a pair; the other end is not in it."""
    links = {
        "red": {"kind": "vrf", "table": table},
        "in": {"kind": "veth", "peer": "out", "master": "red", "addresses": ["10.3.0.1/24", "fd03::1/64"]},
        "out": {"kind": "veth", "peer": "in"},
        **more,
    }
    return {"one": links}


@pytest.mark.needs("vrf")
def test_a_vrf_looks_up_its_own_table(wire: Lab) -> None:
    """The same prefix in the main table and in the VRF's; what goes by the VRF leaves by its member."""
    wire.apply(vrf(10))
    assert wire.link("one", "red")["linkinfo"]["info_data"]["table"] == 10
    for family, to in (("-4", "10.3.0.7"), ("-6", "fd03::7")):
        (inside,) = wire.world.json("ip", "-j", family, "route", "get", to, "vrf", "red", netns="one")
        assert inside["dev"] == "in"
    assert wire.world.json("ip", "-j", "route", "show", "10.3.0.0/24", netns="one") == []
    assert wire.world.run("ping", "-c", "1", "-I", "red", "10.3.0.1", netns="one").returncode == 0
    index = wire.link("one", "red")["ifindex"]
    wire.apply(vrf(11))
    assert wire.link("one", "red")["ifindex"] != index
    assert wire.link("one", "in")["master"] == "red"
    (inside,) = wire.world.json("ip", "-j", "route", "get", "10.3.0.7", "vrf", "red", netns="one")
    assert inside["table"] == "11"


@pytest.mark.needs("ifb")
def test_an_ifb_passes_on_what_is_redirected_to_it(wire: Lab) -> None:
    before = wire.world.dump(settle_s=3)
    wire.apply({"one": {"in": {"kind": "ifb", "mtu": 1400}}})
    assert wire.link("one", "in")["linkinfo"]["info_kind"] == "ifb"
    index = wire.link("one", "in")["ifindex"]
    wire.apply({"one": {"in": {"kind": "ifb", "mtu": 1600}}})
    assert (wire.link("one", "in")["mtu"], wire.link("one", "in")["ifindex"]) == (1600, index)
    for words in (
        "qdisc add dev eth0 ingress",
        "filter add dev eth0 ingress protocol all u32 match u32 0 0 action mirred egress redirect dev in",
    ):
        wire.world.run("tc", *words.split(), netns="one")
    assert wire.world.ping("192.0.2.2", netns="one")
    (stats,) = wire.world.json("ip", "-j", "-s", "link", "show", "in", netns="one")
    assert stats["stats64"]["tx"]["packets"] > 0
    wire.world.run("tc", "qdisc", "del", "dev", "eth0", "ingress", netns="one")
    wire.destroy()
    assert differences(before, wire.world.dump(settle_s=3)) == []


TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000


@pytest.mark.needs("tap", "tun")
def test_taps_and_tuns_as_their_openers_find_them(wire: Lab) -> None:
    before = wire.world.dump(settle_s=3)
    links = {
        "guest": {"kind": "tap", "owner": 4242, "group": 36, "queues": 4, "vnet_hdr": True, "mtu": 1400},
        "vpn": {"kind": "tun", "owner": "nobody", "addresses": ["10.4.0.1/24"]},
    }
    wire.apply({}, host={"links": links})
    (guest,) = wire.world.json("ip", "-j", "-d", "link", "show", "guest")
    said = guest["linkinfo"]["info_data"]
    assert (said["type"], guest["mtu"]) == ("tap", 1400)
    assert (said["multi_queue"], said["vnet_hdr"]) == (True, True)
    assert str(said["user"]) == "4242"
    (vpn,) = wire.world.json("ip", "-j", "-d", "link", "show", "vpn")
    assert (vpn["linkinfo"]["info_data"]["type"], vpn["link_type"]) == ("tun", "none")
    assert _sent_into_a_tun(wire, "10.4.0.9")[16:20] == bytes([10, 4, 0, 9])
    index = guest["ifindex"]
    links["guest"]["mtu"] = 1500
    wire.apply({}, host={"links": links})
    assert wire.world.json("ip", "-j", "link", "show", "guest")[0]["ifindex"] == index
    links["guest"]["queues"] = 1
    wire.apply({}, host={"links": links})
    assert wire.world.json("ip", "-j", "link", "show", "guest")[0]["ifindex"] != index
    wire.destroy()
    assert differences(before, wire.world.dump(settle_s=3)) == []


_OPEN = """
import fcntl, os, struct, sys
with open("/dev/net/tun", "r+b", buffering=0) as tap:
    os.setgroups([])
    os.setresuid(*[int(sys.argv[3])] * 3)
    fcntl.ioctl(tap, int(sys.argv[2], 0), struct.pack("=16sH22x", sys.argv[1].encode(), 0x1002))
"""
"""The device itself is for everybody only where udev runs, so it is opened by root."""
NOBODY, SOMEBODY = "65534", "4242"


@pytest.mark.needs("tap")
def test_a_tap_of_nobody_is_root_s(wire: Lab) -> None:
    """The kernel itself lets everybody open one that has neither owner nor group."""
    wire.apply({}, host={"links": {"vm": {"kind": "tap"}, "guest": {"kind": "tap", "owner": int(SOMEBODY)}}})

    def opens(ifname: str, user: str) -> bool:
        words = (sys.executable, "-IS", "-c", _OPEN, ifname, hex(TUNSETIFF), user)
        done = wire.world.run(*words, check=False)
        assert done.returncode == 0 or "Operation not permitted" in done.stderr, done.stderr
        return done.returncode == 0

    assert (opens("guest", SOMEBODY), opens("guest", NOBODY)) == (True, False)
    assert (opens("vm", "0"), opens("vm", SOMEBODY), opens("vm", NOBODY)) == (True, False, False)


def _sent_into_a_tun(wire: Lab, address: str) -> bytes:
    """The IPv4 packet that a tun's opener reads when somebody pings an address behind it."""
    with wire.world.inside():
        tun = os.open("/dev/net/tun", os.O_RDWR)
        try:
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("=16sH22x", b"vpn", IFF_TUN | IFF_NO_PI))
            # the first may be lost: a carrier that has just come up takes the kernel a moment
            wire.world.run("ping", "-c", "10", "-i", "0.2", "-w", "2", address, check=False)
            os.set_blocking(tun, False)
            while True:
                packet = os.read(tun, 2048)
                if packet[0] >> 4 == 4:
                    return packet
        finally:
            os.close(tun)
