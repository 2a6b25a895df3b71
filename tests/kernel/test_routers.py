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
    assert not host.ping("192.0.2.254", netns="web", wait_s=0), "what is not external is not for the tenant"
    assert "nothing to do" in host.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml").stdout.lower()
    host.run("weft", "destroy", "-y", "lab")
    assert differences(before, host.dump(settle_s=5)) == []
