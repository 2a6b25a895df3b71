"""Somebody turns forwarding off, or reverse path filters on, while weft's networks run: status names each setting,
traffic stops or not as the kernel has it, the next apply mends it and nothing else, and destroy gives back what was."""

from __future__ import annotations

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.lab import Lab
from tests.world import World

pytestmark = pytest.mark.kernel

ROUTER = "weft.lab.t.front"
OUTSIDE, OUTSIDE6 = "203.0.113.1", "fd77::1"
INTENT = """
weft: 1
name: lab
tenants:
  t:
    networks: {front: {subnets: [10.10.0.0/24, "fd10::/64"], uplink: nat}}
    ports: {web: {network: front, attach: {netns: web}}}
host:
  sysctls: {net.ipv4.conf.eth1.rp_filter: 2, net.ipv4.conf.all.rp_filter: 0}
namespaces:
  box:
    sysctls: {net.ipv4.ip_forward: 1, net.ipv4.conf.in0.rp_filter: 1, net.ipv6.conf.in0.forwarding: 1}
    links: {in0: {kind: veth, peer: in1}}
"""
WAY_OUT = f"""
ip netns add outside
ip link add eth1 address 02:00:00:00:01:01 type veth peer name out netns outside
ip link set eth1 up; ip addr add 203.0.113.2/24 dev eth1; ip addr add fd77::2/64 dev eth1 nodad
ip route add default via {OUTSIDE}; ip route add default via {OUTSIDE6}
ip -n outside link set out up; ip -n outside addr add {OUTSIDE}/24 dev out
ip -n outside addr add {OUTSIDE6}/64 dev out nodad
sysctl -qw net.ipv4.conf.eth1.rp_filter=0
"""
BY_OTHERS: dict[str, tuple[str, str, str, str]] = {
    "host, IPv4": ("", "net/ipv4/ip_forward", "0", OUTSIDE),
    "host, IPv6": ("", "net/ipv6/conf/all/forwarding", "0", OUTSIDE6),
    "router, IPv4": (ROUTER, "net/ipv4/ip_forward", "0", OUTSIDE),
    "router, IPv6": (ROUTER, "net/ipv6/conf/all/forwarding", "0", OUTSIDE6),
    "host's link, reverse path": ("", "net/ipv4/conf/eth1/rp_filter", "1", ""),
    "all of the host, reverse path": ("", "net/ipv4/conf/all/rp_filter", "1", ""),
    "namespace": ("box", "net/ipv4/ip_forward", "0", ""),
    "namespace's link, reverse path": ("box", "net/ipv4/conf/in0/rp_filter", "2", ""),
    "namespace's link, IPv6": ("box", "net/ipv6/conf/in0/forwarding", "0", ""),
}
"""Where, which setting, to what, and who cannot be reached by it."""


@pytest.fixture(scope="module")
def lab(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    preload()
    shared_world.run("sh", "-ec", WAY_OUT)
    made = Lab(shared_world, tmp_path_factory.mktemp("lab"))
    made.write(INTENT)
    return made


@pytest.mark.parametrize("what", BY_OTHERS)
def test_what_others_set_is_named_and_mended(lab: Lab, what: str) -> None:
    netns, name, value, lost = BY_OTHERS[what]
    lab.weft("apply")
    before = lab.settled()
    assert not lost or lab.world.ping(lost, netns="web")
    lab.world.run("sysctl", "-qw", f"{name}={value}", netns=netns or None)
    assert not lost or not lab.world.ping(lost, netns="web", wait_s=0)
    assert lab.drift() == {("changed", "sysctl", netns, name)}
    lab.weft("apply")
    assert lab.drift() == set()
    assert not lost or lab.world.ping(lost, netns="web")
    lab.assert_as(before, what)


def test_what_others_set_meanwhile_stays_when_weft_goes(lab: Lab) -> None:
    """Who turned it off has said so since: the former value is no longer the one to go back to."""
    lab.weft("apply")
    lab.world.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv4.conf.eth1.rp_filter=1")
    lab.weft("destroy")
    assert lab.world.run("sysctl", "-n", "net.ipv4.ip_forward").stdout == "0\n"
    assert lab.world.run("sysctl", "-n", "net.ipv4.conf.eth1.rp_filter").stdout == "1\n"
    assert lab.world.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").stdout == "0\n"
