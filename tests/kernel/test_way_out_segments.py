"""Guarantees of networks that stand on a link of the host's: two tenants on one card, plainly, in a VLAN of it, in a
bridge of somebody else's.

The witnesses are the counters that tc shows, ping, and sockets of others; `load.py` makes the load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.load import classes, flows, ifb_of, is_guest, server
from tests.kernel.qos.test_classes import SENDER
from tests.kernel.test_check_qos import Lab
from tests.kernel.test_way_out import FORGER, HEAD, MBIT, each_has_its_own
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

FILE = (
    HEAD.replace("up0:", "eth1:")
    + """
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
)
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
    assert all(is_of_its_class(host, netns, rate, target) for netns, rate in PORTS.items())


def is_of_its_class(world: World, netns: str, rate: str, target: str = FAR4) -> bool:
    """Whether both ways what a port asks and hears is counted where it should be."""
    before = classes(world, "eth1")[rate][1], classes(world, ifb_of(world))[rate][1]
    assert world.ping(target, netns=netns, count=5)
    after = classes(world, "eth1")[rate][1], classes(world, ifb_of(world))[rate][1]
    return all(now - then >= 5 * 98 for now, then in zip(after, before, strict=True))


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
    assert classes(host, "eth1")["8Mbit"][1] - before["8Mbit"][1] < 1042, "but for what a port's kernel says by itself"


def test_another_under_a_port_s_mac_is_not_in_its_class(host: World, ground: Ground) -> None:
    """On the bridge of somebody else's a stranger can send it, and comes by no pair of weft's; a port cannot."""
    netns, ifname = ("stranger", "st1") if ground is GROUNDS["bridge"] else ("blue-p4", "p4")
    mac = host.json("ip", "-j", "link", "show", "dev", "p8", netns="red-p8")[0]["address"]
    frame = f"{'ff' * 6}{mac.replace(':', '')}88b5{'00' * 500}"
    before = classes(host, "eth1")
    host.run(sys.executable, "-IS", SENDER, "frame", ifname, frame, netns=netns)
    assert host.ping(FAR4, netns="red-plain"), "what came before has passed"
    after = classes(host, "eth1")
    assert after["8Mbit"][1] - before["8Mbit"][1] < 500, "but for what a port's kernel says by itself"
    assert (after["8Kbit"][1] - before["8Kbit"][1] > 10 * 500) == (ground is GROUNDS["bridge"])
    assert host.ping(FAR4, netns="red-p8", count=3), "its way back is learnt again"


def test_it_is_explained_and_checked(host: World, file: Path) -> None:
    told = " ".join(host.run("weft", "qos", "explain", "red/p8").stdout.split())
    mac = host.json("ip", "-j", "link", "show", "dev", "p8", netns="red-p8")[0]["address"]
    assert "a frame of port red/p8 is known by the MAC of its source" in told
    assert f"with the pair of links of its network: {mac} of network red/n" in told
    assert "red/p8" in host.run("weft", "qos", "show", "eth1").stdout
    traced = host.run("weft", "trace", "-f", file, "red/p8", FAR4).stdout
    for dev in ("eth1", ifb_of(host)):
        number = classes(host, dev)["8Mbit"][0]
        assert f"the class of port red/p8, 8mbit for sure, 20mbit at most ({number} of {dev})" in traced
    servers = [server(host, 5301, "outside")]
    try:
        found = Lab(host, file).clean("red/p2", "--peer", f"{FAR4}:5301")
    finally:
        for one in servers:
            one.kill()
            one.wait()
    shared = {name: one for name, one in found.items() if name.endswith("by eth1")}
    assert shared.keys() == {"red/p2 egress by eth1", "red/p2 ingress by eth1"}
    least_bps = min(seen["rate_bps"] for one in shared.values() for seen in one["measured"])
    assert least_bps >= 2 * MBIT * (0.75 if is_guest() else 1), "what it is guaranteed, by a guest's clock"
    assert is_guest() or all(one["clean"] for one in shared.values()), "and all it may have"


BREAKAGE = {
    "a class": "tc qdisc del dev eth1 parent {number}; tc class del dev eth1 classid {number}",
    "an element": "nft flush map bridge weft-lab upmac-eth1",
    "the chain": "nft flush chain bridge weft-lab qos",
    "what leads through": "nft flush chain netdev weft-lab out-$(ip -o link | grep -o 'wj[a-z2-7]*' | head -1)",
}


@pytest.mark.parametrize("what", BREAKAGE)
def test_what_somebody_breaks_is_found_and_mended(host: World, file: Path, what: str) -> None:
    kept, lost = classes(host, "eth1")["8Mbit"], classes(host, "eth1")["2Mbit"][0]
    host.run("sh", "-ec", BREAKAGE[what].format(number=lost))
    assert host.run("weft", "status", "-f", file, check=False).returncode == 3
    host.run("weft", "apply", "-y", "-f", file)
    assert host.run("weft", "status", "-f", file).returncode == 0
    now = classes(host, "eth1")
    assert now["8Mbit"][0] == kept[0] and now["8Mbit"][1] >= kept[1], "its counters go on"
    assert now["2Mbit"][0] == lost
    before = now["2Mbit"][1], classes(host, ifb_of(host))["2Mbit"][1]
    assert host.ping(FAR4, netns="red-p2", count=3)
    after = classes(host, "eth1")["2Mbit"][1], classes(host, ifb_of(host))["2Mbit"][1]
    assert all(then - now >= 3 * 98 for then, now in zip(after, before, strict=True))


# what the host routes by the same link

TAKEN = (
    HEAD.replace("up0:", "eth1:")
    + """
  red:
    networks: {n: {segment: SEGMENT, subnets: [10.1.0.0/24]}}
    ports:
      p8: {network: n, attach: {netns: red-p8}, addresses: [10.1.0.8], qos: p8}
      p2: {network: n, attach: {netns: red-p2}, addresses: [10.1.0.2], qos: p2}
  blue:
    networks: {n: {subnets: [10.5.0.0/24], uplink: nat}}
    ports:
      p6: {network: n, attach: {netns: blue-p6}, qos: p6}
      p4: {network: n, attach: {netns: blue-p4}, qos: p4}
      plain: {network: n, attach: {netns: red-plain}}
"""
)
OWN = f"ip addr add 10.1.0.200/24 dev LINK; ip route add default via {FAR4} dev LINK\n"
LEADING = {
    "its addresses moved": ("{link: eth1, take_addresses: true}", CARD + OWN.replace("LINK", "eth1")),
    "a bridge of somebody else's": ("{link: br-lan}", CARD + BRIDGE + OWN.replace("LINK", "br-lan")),
    "a vlan": ("{link: eth1, vlan: 20}", CARD + VLAN + OWN.replace("LINK", "eth1")),
}


@pytest.mark.parametrize(
    "how", [name if name != "a vlan" else pytest.param(name, marks=pytest.mark.needs("vlan")) for name in LEADING]
)
def test_what_is_routed_and_what_stands_there_share_one_tree(world: World, tmp_path: Path, how: str) -> None:
    segment, before = LEADING[how]
    far = ADDRESSES.replace("WIRE", "far1")
    if how == "a vlan":
        far += "ip -n outside addr add 10.1.0.254/24 dev v20; ip -n outside route del 10.1.0.0/24 dev v20\n"
        far += "ip -n outside route add 10.1.0.8 dev v20; ip -n outside route add 10.1.0.2 dev v20\n"
    world.run("sh", "-ec", before + far)
    assert world.ping(FAR4)
    was = world.dump(settle_s=5)
    (tmp_path / "weft.yaml").write_text(TAKEN.replace("SEGMENT", segment))
    world.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert "is as the file says" in world.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml").stdout
    assert all(is_of_its_class(world, netns, rate) for netns, rate in PORTS.items())
    parallel = {"red-p8": 1, "blue-p6": 8, "blue-p4": 1, "red-p2": 1, "red-plain": 8}
    for dev, options in (("eth1", ()), (ifb_of(world), ("--reverse",))) if not is_guest() else ():  # it is too slow
        with flows(world, parallel, *options, outside=WIRE):
            until(lambda dev=dev: each_has_its_own(world, dev), "everybody has what is his", 60)  # type: ignore[misc]
    then = classes(world, "eth1")
    assert world.ping(FAR4, count=3)
    now = classes(world, "eth1")
    assert now["8Kbit"][1] - then["8Kbit"][1] >= 3 * 98, "the host's own has no class"
    world.run("weft", "destroy", "-y", "lab")
    assert differences(was, world.dump(settle_s=5)) == []


def test_what_is_routed_by_a_bridge_has_its_class_where_nobody_upon_it_asks_for_any(
    world: World, tmp_path: Path
) -> None:
    """It leaves by the bridge's port, under the bridge's MAC."""
    segment, before = LEADING["a bridge of somebody else's"]
    mac = "ip link set br-lan address 02:00:00:00:00:aa\n"
    world.run("sh", "-ec", before + mac + ADDRESSES.replace("WIRE", "far1"))
    file = TAKEN.replace("8], qos: p8", "8]").replace("2], qos: p2", "2]").replace("SEGMENT", segment)
    (tmp_path / "weft.yaml").write_text(file)
    world.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert all(is_of_its_class(world, netns, PORTS[netns]) for netns in ("blue-p6", "blue-p4"))
    world.run("weft", "destroy", "-y", "lab")


BESIDE = """
weft: 1
name: lab
host: {links: {eth1: {existing: true, capacity: 20mbit}}}
tenants:
  red:
    networks: {n: {segment: SEGMENT, subnets: [10.1.0.0/24]}}
    ports: {p8: {network: n, attach: {netns: red-p8}, qos: {egress: {rate: 8mbit}}}}
  blue:
    networks:
      m: {segment: {link: eth1, vlan: 30, mode: macvlan}, subnets: [10.3.0.0/24]}
      i: {segment: {link: eth1, vlan: 40, mode: ipvlan}, subnets: [10.4.0.0/24]}
    ports:
      m: {network: m, attach: {netns: macvlan}, addresses: [10.3.0.3]}
      i: {network: i, attach: {netns: ipvlan}, addresses: [10.4.0.3]}
"""
BESIDE_FAR = """
for vlan in 30 40; do
    ip -n outside link add link far1 name v$vlan type vlan id $vlan; ip -n outside link set v$vlan up
    ip -n outside addr add 10.${vlan%0}.0.254/24 dev v$vlan
done
"""


@pytest.mark.needs("vlan", "macvlan", "ipvlan")
@pytest.mark.parametrize("segment", ["{link: eth1}", "{link: eth1, vlan: 20}"])
def test_who_stands_in_another_vlan_of_the_link_is_in_no_port_s_class(
    world: World, tmp_path: Path, segment: str
) -> None:
    world.run("sh", "-ec", CARD + BESIDE_FAR)
    (tmp_path / "weft.yaml").write_text(BESIDE.replace("SEGMENT", segment))
    world.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert "is as the file says" in world.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml").stdout
    major, minor = (int(word, 16) for word in classes(world, "eth1")["8Mbit"][0].split(":"))
    for netns, target in (("macvlan", "10.3.0.254"), ("ipvlan", "10.4.0.254")):
        assert world.ping(target, netns=netns)
        then = classes(world, "eth1")
        forger = FORGER.replace("192.0.2.254", target)
        world.run("python3", "-c", forger, f"{major:x}{minor:04x}", netns=netns)

        def got(rate: str, then: dict[str, tuple[str, int]] = then) -> int:
            return classes(world, "eth1")[rate][1] - then[rate][1]

        until(lambda got=got: got("8Kbit") >= 50 * 1042, f"what a {netns} sends is what nobody guarantees")  # type: ignore[misc]
        assert got("8Mbit") < 10 * 1042, "but for what the port itself says"
    world.run("weft", "destroy", "-y", "lab")
