"""Guarantees of networks that stand on a link of the host's: two tenants on one card, plainly, in a VLAN of it, in a
bridge of somebody else's.

The witnesses are the counters that tc shows, ping, and sockets of others; `load.py` makes the load.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.load import classes, flows, ifb_of
from tests.kernel.test_way_out import FORGER, each_has_its_own
from tests.patience import until
from tests.world import World

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.needs("htb", "ifb", "nft_bridge", "nft_egress", "nft_fwd"),
]

FAR4, FAR6 = "10.1.0.254", "fd01::fe"
WIRE = ("outside", FAR4)
CARD = """
ip netns add outside; ip -n outside link set lo up
ip link add eth1 type veth peer name far1 netns outside
ip link set eth1 up; ip -n outside link set far1 up
"""
ADDRESSES = f"""
ip -n outside addr add {FAR4}/24 dev WIRE; ip -n outside addr add {FAR6}/64 dev WIRE nodad
"""
VLAN = "ip -n outside link add link far1 name v20 type vlan id 20; ip -n outside link set v20 up\n"
BRIDGE = """
ip link add br-lan type bridge; ip link set br-lan up; ip link set eth1 master br-lan
ip netns add stranger; ip link add st0 type veth peer name st1 netns stranger
ip link set st0 up master br-lan; ip -n stranger link set st1 up; ip -n stranger addr add 10.1.0.77/24 dev st1
"""


@dataclass(frozen=True)
class Ground:
    """What networks stand on: in the file, and made beforehand."""

    segment: str
    before: str


GROUNDS = {
    "link": Ground("{link: eth1}", CARD + ADDRESSES.replace("WIRE", "far1")),
    "vlan": Ground("{link: eth1, vlan: 20}", CARD + VLAN + ADDRESSES.replace("WIRE", "v20")),
    "bridge": Ground("{link: br-lan}", CARD + BRIDGE + ADDRESSES.replace("WIRE", "far1")),
}

FILE = """
weft: 1
name: lab
host: {links: {eth1: {existing: true, capacity: 20mbit}}}
qos_policies:
  p8: {egress: {rate: 8mbit, ceil: 20mbit}, ingress: {rate: 8mbit, ceil: 20mbit}}
  p6: {egress: {rate: 6mbit, ceil: 20mbit}, ingress: {rate: 6mbit, ceil: 20mbit}}
  p4: {egress: {rate: 4mbit, ceil: 20mbit}, ingress: {rate: 4mbit, ceil: 20mbit}}
  p2: {egress: {rate: 2mbit, ceil: 20mbit}, ingress: {rate: 2mbit, ceil: 20mbit}}
tenants:
  red:
    networks: {n: {segment: SEGMENT, subnets: [10.1.0.0/24, "fd01::/64"]}}
    ports:
      p8: {network: n, attach: {netns: red-p8}, addresses: [10.1.0.8, "fd01::8"], qos: p8}
      p2: {network: n, attach: {netns: red-p2}, addresses: [10.1.0.2, "fd01::2"], qos: p2}
      plain: {network: n, attach: {netns: red-plain}, addresses: [10.1.0.9, "fd01::9"]}
  blue:
    networks: {n: {segment: SEGMENT, subnets: [10.1.0.0/24, "fd01::/64"]}}
    ports:
      p6: {network: n, attach: {netns: blue-p6}, addresses: [10.1.0.6, "fd01::6"], qos: p6}
      p4: {network: n, attach: {netns: blue-p4}, addresses: [10.1.0.4, "fd01::4"], qos: p4}
"""
PORTS = {"red-p8": "8Mbit", "blue-p6": "6Mbit", "blue-p4": "4Mbit", "red-p2": "2Mbit"}


@pytest.fixture(
    scope="module",
    params=["link", pytest.param("vlan", marks=pytest.mark.needs("vlan")), "bridge"],
)
def ground(request: pytest.FixtureRequest) -> Ground:
    return GROUNDS[request.param]


@pytest.fixture(scope="module")
def file(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("way-out") / "weft.yaml"
    made.write_text(FILE.replace("SEGMENT", ground.segment))
    return made


@pytest.fixture(scope="module")
def host(ground: Ground, file: Path) -> Iterator[World]:
    with World() as world:
        world.run("sh", "-ec", ground.before)
        before = world.dump(settle_s=5)
        world.run("weft", "apply", "-y", "-f", file)
        assert "is as the file says" in world.run("weft", "apply", "-y", "-f", file).stdout
        yield world
        world.run("weft", "destroy", "-y", "lab")
        assert differences(before, world.dump(settle_s=5)) == []


@pytest.mark.parametrize("way", ["out", "in"])
def test_each_has_its_own_whatever_others_send(host: World, way: str) -> None:
    dev, options = ("eth1", ()) if way == "out" else (ifb_of(host), ("--reverse",))
    parallel = {"red-p8": 1, "blue-p6": 8, "blue-p4": 8, "red-p2": 1, "red-plain": 8}
    with flows(host, parallel, *options, outside=WIRE):
        until(lambda: each_has_its_own(host, dev), "everybody has what is his", 60)


@pytest.mark.parametrize("target", [FAR4, FAR6])
def test_both_families_are_of_the_port_s_class_both_ways(host: World, target: str) -> None:
    for netns, rate in PORTS.items():
        before = classes(host, "eth1")[rate][1], classes(host, ifb_of(host))[rate][1]
        assert host.ping(target, netns=netns, count=5)
        after = classes(host, "eth1")[rate][1], classes(host, ifb_of(host))[rate][1]
        assert all(now - then >= 5 * 98 for now, then in zip(after, before, strict=True)), netns


def test_what_is_not_a_port_s_is_in_no_port_s_class(host: World) -> None:
    """A port without a guarantee; what goes from one tenant to another and not by the card."""
    before = classes(host, "eth1"), classes(host, ifb_of(host))
    assert host.ping(FAR4, netns="red-plain", count=3)
    after = classes(host, "eth1"), classes(host, ifb_of(host))
    assert all(now["8Kbit"][1] - then["8Kbit"][1] >= 3 * 98 for now, then in zip(after, before, strict=True))
    assert host.ping("10.1.0.6", netns="red-p8")
    before = classes(host, "eth1"), classes(host, ifb_of(host))
    assert host.ping("10.1.0.6", netns="red-p8", count=20)
    for then, dev in zip(before, ("eth1", ifb_of(host)), strict=True):
        now = classes(host, dev)
        assert all(now[rate][1] - then[rate][1] < 10 * 98 for rate in PORTS.values()), "but for what is asked of all"


def test_a_forged_priority_has_no_effect(host: World) -> None:
    major, minor = (int(word, 16) for word in classes(host, "eth1")["8Mbit"][0].split(":"))
    before = classes(host, "eth1")
    assert host.ping(FAR4, netns="red-plain")
    host.run("python3", "-c", FORGER.replace("192.0.2.254", FAR4), f"{major:x}{minor:04x}", netns="red-plain")
    until(lambda: classes(host, "eth1")["8Kbit"][1] - before["8Kbit"][1] >= 50 * 1042, "it is what nobody guarantees")
    assert classes(host, "eth1")["8Mbit"] == before["8Mbit"]
