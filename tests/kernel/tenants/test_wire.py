"""Tenants that share a wire: VLANs of one card, VXLANs over one underlay. Each hears its own tag or VNI alone.

`outside` is the machine at the other end of the card.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.wire import WORD
from tests.kernel.tenants.ears import Ear, ears, say, send

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

OUTSIDE = """
ip netns add outside; ip -n outside link set lo up
ip link add eth1 mtu 1600 type veth peer name far mtu 1600 netns outside
ip -n outside link set far up; ip link set eth1 up
"""
MACS = {"red": "02:00:00:00:00:10", "blue": "02:00:00:00:00:20"}
FAR = "02:00:00:00:00:99"
VNI_AT = slice(46, 49)
"""Of a VXLAN's packet over IPv4. Source: RFC 7348."""
VIDS, VNIS = {"red": 20, "blue": 30}, {"red": 42, "blue": 43}


def tenants(segments: dict[str, dict[str, Any]], **more: Any) -> str:
    """Each with a port of its name, and the same addresses; red's speaks as it likes."""
    made = {
        name: {
            "networks": {"lan": {"segment": segment, "subnets": ["10.0.0.0/24"]}},
            "ports": {
                name: {
                    "network": "lan",
                    "attach": {"netns": name},
                    "addresses": ["10.0.0.10"],
                    "mac": MACS[name],
                    "port_security": name != "red",
                }
            },
        }
        for name, segment in segments.items()
    }
    return json.dumps({"weft": 1, "name": "lab", "tenants": made, **more})


def said(word: str, source: str = FAR) -> bytes:
    return f.ipv4(source, "10.0.0.99", "255.255.255.255", f.udp(1, 1, word))


def hear_the_end(lab: Lab, heard_by: dict[str, Ear], from_outside: dict[str, bytes]) -> None:
    """What comes last from outside has come to each."""
    send(lab, "outside", from_outside.values(), "far")
    for name, end in zip(MACS, from_outside, strict=True):
        heard_by[name].wait_for(end)


@pytest.mark.needs("vlan")
def test_tags_keep_tenants_apart_on_one_card(lab: Lab, tmp_path: Path) -> None:
    lab.world.run("sh", "-ec", OUTSIDE)
    lab.apply(tenants({name: {"link": "eth1", "vlan": vid} for name, vid in VIDS.items()}))
    ends = {f"end-{name}": f.tagged(said(f"end-{name}"), vid) for name, vid in VIDS.items()}
    from_outside = [
        f.tagged(said("to-red"), 20),
        f.tagged(said("to-blue"), 30),
        f.tagged(said("to-nobody"), 40),
        said("untagged"),
        f.tagged(said("priority"), 0),
        f.tagged(f.tagged(said("red-in-blue"), 20), 30),
        f.tagged(f.tagged(said("blue-in-red"), 30), 20),
    ]
    with ears(lab, tmp_path, "red", "blue", "weft.lab.red", "weft.lab.blue", outside="far") as heard_by:
        send(lab, "outside", from_outside, "far")
        say(lab, "blue", MACS["blue"], "10.0.0.10", "from-blue")
        own = f.ipv4(MACS["red"], "10.0.0.10", "255.255.255.255", f.udp(1, 1, "hop"))
        send(lab, "red", [own.replace(b"~hop~", b"~red~"), f.tagged(own, 30), f.tagged(f.tagged(own, 30), 20)])
        hear_the_end(lab, heard_by, ends)
        heard_by["outside"].wait_for("hop")
        assert heard_by["red"].words() == {"to-red", "blue-in-red", "end-red", "red", "hop"}
        assert heard_by["blue"].words() == {"to-blue", "red-in-blue", "end-blue", "from-blue"}
        for name in VIDS:
            assert heard_by[f"weft.lab.{name}"].words() == heard_by[name].words()
        tags = tags_of(heard_by["outside"])
        assert tags["from-blue"] == {(30,)} and tags["red"] == {(20,)}
        assert {outer for outer, *_ in tags["hop"]} == {20}, "whatever tags its port puts into its frames"


def tags_of(ear: Ear) -> dict[str, set[tuple[int, ...]]]:
    """By word, the tags in front of it on the wire, the outer first."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for frame in ear.frames():
        at = 12
        while frame[at : at + 2] == b"\x81\x00":
            at += 4
        vids = tuple(int.from_bytes(frame[tag + 2 : tag + 4]) & 0xFFF for tag in range(12, at, 4))
        for word in WORD.findall(frame):
            found.setdefault(word.decode(), set()).add(vids)
    return found


def test_vnis_keep_tenants_apart_over_one_underlay(lab: Lab, tmp_path: Path) -> None:
    lab.world.run("sh", "-ec", OUTSIDE)
    lab.world.run(
        "sh",
        "-ec",
        "ip addr add 192.0.2.1/24 dev eth1; ip -n outside addr add 192.0.2.2/24 dev far; ip link set eth1 up",
    )
    for vni in (*VNIS.values(), 44):
        made = f"link add vx{vni} type vxlan id {vni} local 192.0.2.2 remote 192.0.2.1 dstport 4789"
        lab.world.run("ip", *made.split(), netns="outside")
        lab.world.run("ip", "link", "set", f"vx{vni}", "up", netns="outside")
    segment = {"local": "192.0.2.1", "remotes": ["192.0.2.2"]}
    lab.apply(tenants({name: {"vni": vni, **segment} for name, vni in VNIS.items()}))
    with ears(lab, tmp_path, "red", "blue", "weft.lab.red", "weft.lab.blue", outside="far") as heard_by:
        for vni in (44, 42, 43):
            send(lab, "outside", [said(f"vni-{vni}")], f"vx{vni}")
        say(lab, "red", MACS["red"], "10.0.0.10", "from-red")
        say(lab, "blue", MACS["blue"], "10.0.0.10", "from-blue")
        for name, vni in VNIS.items():
            send(lab, "outside", [said(f"end-{name}")], f"vx{vni}")
            heard_by[name].wait_for(f"end-{name}")
            heard_by["outside"].wait_for(f"from-{name}")
            assert heard_by[name].words() == {f"vni-{vni}", f"from-{name}", f"end-{name}"}
            assert heard_by[f"weft.lab.{name}"].words() == heard_by[name].words()
        for name, vni in VNIS.items():
            carried = [frame for frame in heard_by["outside"].frames() if f"~from-{name}~".encode() in frame]
            assert {frame[VNI_AT].hex() for frame in carried} == {f"{vni:06x}"}
