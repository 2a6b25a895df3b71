"""Kills while somebody else's links and namespaces become weft's or are given up, while things get other names, and
while the file of a virtual machine's link changes its owner.

Beside the dump of either end: what was adopted or renamed is the same link all the time, and /dev/tapN belongs to whom
the file says that goes with the link's alias.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import SCOPE, Rig
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600)]

STRIDE = int(os.environ.get("WEFT_FAULT_STRIDE", "3"))

THEIRS = """
ip link add eth1 address 02:00:00:00:01:01 type veth peer name far address 02:00:00:00:01:02
ip link set eth1 up; ip link set far up
ip link add br0 address 02:00:00:00:03:01 type bridge
ip link set br0 alias "the old bridge" up
ip addr add 10.7.0.1/24 dev br0; ip route add 10.99.0.0/16 via 10.7.0.2 dev br0
ip netns add box; ip -n box link set lo alias "the old box" up
ip -n box link add in0 address 02:00:00:00:03:02 type bridge; ip -n box link set in0 up
"""
ADOPTED = """
weft: 1
name: lab
host:
  links: {br0: {kind: bridge, adopt: true, forward_delay: 15, addresses: [10.7.0.1/24, 10.7.9.1/24]}}
namespaces:
  box:
    adopt: true
    sysctls: {net.ipv4.ip_forward: 1}
    links: {in0: {kind: bridge, adopt: true, forward_delay: 15, addresses: [10.8.0.1/24]}}
"""
CHANGED = """
weft: 1
name: lab
host:
  links:
    lan0: {kind: bridge, adopt: true, was: br0, forward_delay: 15, mtu: 1400, addresses: [10.7.0.1/24]}
namespaces:
  box: {adopt: true, links: {in1: {kind: bridge, adopt: true, was: in0, forward_delay: 15, alias: mine}}}
"""
NAMED = """
weft: 1
name: lab
tenants:
  {tenant}:
    {was_tenant}
    networks: {{{network}: {{subnets: [10.9.0.0/24] {was_network}}}}}
    ports: {{{port}: {{network: {network}, attach: {{netns: {space}, ifname: p0}} {was_port}}}}}
host: {{links: {{{link}: {{kind: bridge {was_link}}}}}}}
namespaces: {{{space}: {{{was_space} links: {{deep: {{kind: bridge}}}}}}}}
"""
OLD = NAMED.format(
    tenant="t",
    network="n",
    port="a",
    link="br5",
    space="home",
    **dict.fromkeys(("was_tenant", "was_network", "was_port", "was_link", "was_space"), ""),
)
NEW = NAMED.format(
    tenant="shop",
    was_tenant="was: t",
    network="front",
    was_network=", was: n",
    port="web",
    was_port=", was: a",
    link="lan5",
    was_link=", was: br5",
    space="house",
    was_space="was: home,",
)
OWNED = """
weft: 1
name: lab
tenants:
  t:
    networks: {{lan: {{segment: {{link: eth1, mode: macvlan}}, subnets: [10.3.0.0/24]}}}}
    ports:
      vm: {{network: lan, attach: {{macvtap: {{{owner}}}}}, alias: "{owner}", mac: "02:00:00:00:00:50"}}
"""
OWNERS = {"owner: nobody": "65534:0 600", "owner: daemon, group: mail": "1:8 660"}
"""What the file says, and what stat(1) does of it."""


@pytest.fixture
def host(world: World) -> World:
    preload()
    world.run("sh", "-ec", THEIRS)
    return world


def apply(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    return ("apply", "-y", "-f", str(path))


def indexes(world: World) -> tuple[int, ...]:
    """Of what was there before weft."""
    there = (("br0", None), ("in0", "box"))
    return tuple(world.json("ip", "-j", "link", "show", "dev", name, netns=ns)[0]["ifindex"] for name, ns in there)


def test_what_is_adopted_changed_and_given_up_is_the_same_all_the_time(host: World, tmp_path: Path) -> None:
    adopted, changed = apply(tmp_path / "a.yaml", ADOPTED), apply(tmp_path / "b.yaml", CHANGED)
    before = indexes(host)

    def proof() -> None:
        assert indexes(host) == before

    for there in (changed, ("destroy", "-y", SCOPE)):
        tally = Killer(Rig.between(host, adopted, there), proof, stride=STRIDE).run()
        print(tally)
        assert tally.former and tally.wanted


def test_what_gets_another_name_is_the_same_all_the_time(host: World, tmp_path: Path) -> None:
    old, new = apply(tmp_path / "a.yaml", OLD), apply(tmp_path / "b.yaml", NEW)
    rig = Rig.between(host, old, new)
    before = host.json("ip", "-j", "link", "show", "dev", "br5"), host.json("ip", "-j", "link", netns="home")

    def proof() -> None:
        (link,) = host.json("ip", "-j", "link", "show", "dev", "br5")
        others = host.json("ip", "-j", "link", netns="home")
        assert link["ifindex"] == before[0][0]["ifindex"]
        assert [other["ifindex"] for other in others] == [other["ifindex"] for other in before[1]]

    tally = Killer(rig, proof, first=1 % STRIDE, stride=STRIDE).run()
    print(tally)
    assert tally.former and tally.wanted


@pytest.mark.needs("macvtap")
def test_the_file_of_a_virtual_machine_s_link_belongs_to_whom_the_file_says(host: World, tmp_path: Path) -> None:
    one, two = (apply(tmp_path / f"{at}.yaml", OWNED.format(owner=owner)) for at, owner in enumerate(OWNERS))

    def proof() -> None:
        (link,) = host.json("ip", "-j", "link", "show", "dev", "vm")
        stat = ["stat", "-c", "%u:%g %a", f"/dev/tap{link['ifindex']}"]
        told = subprocess.run(stat, capture_output=True, text=True, check=True).stdout.strip()
        assert told == OWNERS[link["ifalias"].split(" ", 2)[2]], link["ifalias"]

    stride = min(STRIDE, 5)  # there are few points, and both ends have to be among them
    tally = Killer(Rig.between(host, one, two), proof, first=2 % stride, stride=stride).run()
    print(tally)
    assert tally.former and tally.wanted
