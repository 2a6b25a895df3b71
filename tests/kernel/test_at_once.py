"""What was just applied carries traffic at once, in both families, also what comes from outside first."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.lab import Lab
from tests.world import World

pytestmark = pytest.mark.kernel

INTENT = """
weft: 1
name: lab
tenants:
  t:
    networks:
      hidden: {subnets: [10.10.0.0/24, "fd10::/64"], uplink: nat}
      open: {subnets: [10.12.0.0/24, "fd12::/64"], uplink: routed}
    ports:
      in: {network: hidden, attach: {netns: in}, addresses: [10.10.0.10, "fd10::10"]}
      by: {network: hidden, attach: {netns: by}, addresses: [10.10.0.11, "fd10::11"]}
      pub: {network: open, attach: {netns: pub}, addresses: [10.12.0.10, "fd12::10"]}
"""

OUTSIDE = """
ip netns add out
ip link add eth1 type veth peer name eth0 netns out
ip addr add 203.0.113.2/24 dev eth1; ip addr add 2001:db8::2/64 dev eth1 nodad; ip link set eth1 up
ip -n out addr add 203.0.113.1/24 dev eth0; ip -n out addr add 2001:db8::1/64 dev eth0 nodad; ip -n out link set eth0 up
ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8::1
ip -n out route add 10.12.0.0/24 via 203.0.113.2; ip -n out -6 route add fd12::/64 via 2001:db8::2
until ! ip -6 addr show tentative | grep -q tentative; do sleep 0.1; done
until ! ip -n out -6 addr show tentative | grep -q tentative; do sleep 0.1; done
"""
"""The way out has been there for a while: whoever forwards asks for no neighbour before duplicate address detection of
the link is over."""

PINGS = [
    ("out", "10.12.0.10"),
    ("out", "fd12::10"),
    (None, "10.12.0.10"),
    (None, "fd12::10"),
    ("by", "10.10.0.10"),
    ("by", "fd10::10"),
    ("in", "203.0.113.1"),
    ("in", "2001:db8::1"),
    ("pub", "203.0.113.1"),
    ("pub", "2001:db8::1"),
]
WAIT_S = 1.0
"""Well below the two seconds that duplicate address detection takes."""


@pytest.mark.parametrize("source, target", PINGS)
def test_the_first_ping_after_the_first_apply(world: World, tmp_path: Path, source: str | None, target: str) -> None:
    preload()
    world.run("sh", "-ec", OUTSIDE)
    lab = Lab(world, tmp_path)
    lab.write(INTENT)
    for _ in range(3):
        lab.weft("apply")
        began = time.monotonic()
        assert world.ping(target, netns=source, wait_s=WAIT_S), f"no answer for {time.monotonic() - began:.1f} s"
        lab.weft("destroy")
