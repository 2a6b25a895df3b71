"""Routers that tenants declare: networks joined, and out by an external network, with real traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.external import BEYOND4, BEYOND6
from tests.kernel.external import host as host
from tests.world import World

pytestmark = pytest.mark.kernel

EXTERNAL = """
weft: 1
name: lab
external_networks:
  internet:
    link: ext0
    subnets:
      - {cidr: 203.0.113.0/24, gateway: 203.0.113.1}
      - {cidr: "2001:db8:1::/64", gateway: "2001:db8:1::ffff", pools: ["2001:db8:1::100-2001:db8:1::1ff"]}
"""

EDGE = (
    EXTERNAL
    + """
tenants:
  shop:
    networks:
      front: {subnets: [10.10.0.0/24, "fd00:10::/64"]}
      back: {subnets: [10.20.0.0/24]}
    routers:
      edge: {interfaces: [front, back], gateway: internet}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.10, "fd00:10::10"]}
      db: {network: back, attach: {netns: db}, addresses: [10.20.0.10]}
"""
)


def apply(world: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(text)
    world.run("weft", "apply", "-y", "-f", file)


def seen_outside(world: World, netns: str, target: str, words: str) -> str:
    """The first packet that the world sees while a namespace pings."""
    seen = world.start(
        *("timeout", "5", "tcpdump", "-n", "-c", "1", "-i", "ext1", *words.split()), netns="world", stdout=-1, stderr=-1
    )
    assert seen.stderr is not None
    seen.stderr.readline()
    assert world.ping(target, netns=netns)
    return str(seen.communicate()[0])


def test_two_networks_and_out_by_an_external_one(host: World, tmp_path: Path) -> None:
    before = host.dump(settle_s=5)
    apply(host, tmp_path, EDGE)
    assert host.ping("10.20.0.10", netns="web"), "from one network to the other"
    assert host.ping(BEYOND4, netns="web")
    assert host.ping(BEYOND6, netns="web")
    assert host.ping("203.0.113.1", netns="db")
    assert f"203.0.113.2 > {BEYOND4}" in seen_outside(host, "db", BEYOND4, "icmp")
    assert f"2001:db8:1::100 > {BEYOND6}" in seen_outside(host, "web", BEYOND6, "icmp6 and ip6[40] == 128")
    assert not host.ping("10.10.0.10", netns="world", wait_s=0), "the world knows nothing of what is behind"
    assert host.ping("203.0.113.2", netns="world"), "but the router itself"
    assert host.ping("203.0.113.2"), "as does the host"
    assert not host.ping("192.0.2.254", netns="web", wait_s=0), "the host's own way out is not the tenant's"
    assert "nothing to do" in host.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml").stdout.lower()
    shown = host.run("weft", "show").stdout
    assert "router edge" in shown
    assert "203.0.113.2/32" in shown
    reached = host.run("weft", "check", "reach", "-f", tmp_path / "weft.yaml").stdout
    assert "as it should" in reached or "ok" in reached.lower(), reached
    host.run("weft", "destroy", "-y", "lab")
    assert differences(before, host.dump(settle_s=5)) == []


MANY = (
    EXTERNAL
    + """
  branch: {link: brx, subnets: [{cidr: 198.51.101.0/24}, {cidr: "2001:db8:7::/64"}]}
host: {links: {brx: {kind: bridge, members: [br0x]}}}
tenants:
  shop:
    networks:
      front: {subnets: [10.10.0.0/24, "fd00:10::/64"]}
      back: {subnets: [{cidr: 10.20.0.0/24, gateway: 10.20.0.5}]}
      store: {subnets: [10.30.0.0/24]}
    routers:
      edge:
        interfaces: [front]
        gateway: {network: internet, snat: [203.0.113.60-203.0.113.63]}
        routes: [{to: 10.30.0.0/24, via: 10.10.0.253}, {to: 10.20.0.0/24, via: 10.10.0.253}]
      site:
        interfaces: [{network: front, address: [10.10.0.254, "fd00:10::254"]}]
        gateway: {network: branch, addresses: [198.51.101.77], snat: false}
      inner:
        interfaces: [{network: front, address: 10.10.0.253}, {port: leg}, store]
        routes: [{to: default, via: 10.10.0.1}]
    ports:
      leg: {network: back, attach: router, addresses: [10.20.0.5]}
      web:
        network: front
        attach: {netns: web}
        addresses: [10.10.0.10, "fd00:10::10"]
        routes: [{to: 198.51.101.0/24, via: 10.10.0.254}, {to: "2001:db8:7::/64", via: "fd00:10::254"}]
      db: {network: back, attach: {netns: db}, addresses: [10.20.0.10]}
      disk: {network: store, attach: {netns: disk}, addresses: [10.30.0.10]}
"""
)

BRANCH = """
set -e
ip netns add branch
ip link add br0x type veth peer name br1x netns branch
ip link set br0x up
ip -n branch addr add 198.51.101.1/24 dev br1x; ip -n branch -6 addr add 2001:db8:7::ffff/64 dev br1x nodad
ip -n branch link set br1x up; ip -n branch link set lo up
ip -n branch route add 10.10.0.0/24 via 198.51.101.77; ip -n branch -6 route add fd00:10::/64 via 2001:db8:7::1
"""


@pytest.fixture
def branched(host: World) -> World:
    """And a branch behind a link that the file makes a port of a bridge."""
    host.run("sh", "-c", BRANCH)
    return host


def test_several_routers_on_one_network(branched: World, tmp_path: Path) -> None:
    host, before = branched, branched.dump(settle_s=5)
    apply(host, tmp_path, MANY)
    assert host.ping("198.51.101.1", netns="web"), "the branch, untranslated, by a router of its own"
    assert host.ping("2001:db8:7::ffff", netns="web")
    assert host.ping("10.10.0.10", netns="branch"), "and back, for it knows the way"
    assert host.ping("fd00:10::10", netns="branch")
    assert host.ping("10.30.0.10", netns="web"), "by a static route of the gateway"
    assert host.ping("10.10.0.10", netns="disk"), "by the default route of a router without gateway"
    assert host.ping("10.30.0.10", netns="db"), "by a router whose interface is a port"
    assert host.ping(BEYOND4, netns="disk"), "through two routers"
    assert "203.0.113.6" in seen_outside(host, "web", BEYOND4, "icmp")
    assert not host.ping("203.0.113.60", netns="world", wait_s=0), "nothing answers by itself at a pool's address"
    assert host.ping(BEYOND6, netns="web"), "a family without a pool goes by the router's own address"
    host.run("weft", "destroy", "-y", "lab")
    assert differences(before, host.dump(settle_s=5)) == []
