"""Announcements on the wire, judged by tcpdump and by the neighbour tables of who hears them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.patience import until
from tests.world import World
from weft.backends.announcing import Announcing, At
from weft.netlink.namespaces import Namespaces

pytestmark = pytest.mark.kernel

WIRE = """
set -e
ip netns add peer
ip link add ext0 address 02:00:00:00:00:05 type veth peer name ext1 netns peer
ip link set ext0 up; ip -n peer link set ext1 up; ip -n peer link set lo up
ip -n peer addr add 203.0.113.1/24 dev ext1; ip -n peer -6 addr add 2001:db8:1::1/64 dev ext1 nodad
ip -n peer neigh add 203.0.113.10 dev ext1 lladdr 02:00:00:00:00:99 nud stale
ip -n peer neigh add 2001:db8:1::10 dev ext1 lladdr 02:00:00:00:00:99 nud stale
ip link add quiet type veth peer name other; ip link add down type veth peer name downer
sysctl -qw net.ipv6.conf.quiet.disable_ipv6=1; ip link set quiet up; ip link set other up
"""


@contextmanager
def heard(world: World, count: int, *words: str) -> Iterator[list[str]]:
    """What the peer hears in the block, so many packets: filled after it."""
    command = ("timeout", "10", "tcpdump", "--immediate-mode", "-c", str(count), "-n", "-e", "-i", "ext1", *words)
    seen = world.start(*command, netns="peer", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert seen.stderr is not None
    while "listening" not in seen.stderr.readline():
        pass
    lines: list[str] = []
    yield lines
    lines += seen.communicate()[0].splitlines()


def test_both_families(inside: World) -> None:
    inside.run("sh", "-c", WIRE)
    until(lambda: "tentative" not in inside.run("ip", "-6", "addr", "show", "dev", "ext0").stdout, "its own address")
    namespaces = Namespaces()
    announcing = Announcing(namespaces)
    with heard(inside, 3, "-v", "arp or (icmp6 and ip6[40] == 136)") as lines:
        assert announcing.announce("", [At("ext0", "203.0.113.10"), At("ext0", "2001:db8:1::10")]) == 2

        def learned() -> bool:
            there = inside.json("ip", "-j", "neigh", "show", "dev", "ext1", netns="peer")
            macs = {entry["dst"]: entry.get("lladdr") for entry in there}
            return {macs.get("203.0.113.10"), macs.get("2001:db8:1::10")} == {"02:00:00:00:00:05"}

        until(learned, "the peer knows the new MAC")
    told = "\n".join(lines)
    assert "ff:ff:ff:ff:ff:ff" in told and "Request who-has 203.0.113.10" in told and "tell 203.0.113.10" in told
    assert "Reply 203.0.113.10 is-at 02:00:00:00:00:05" in told
    assert "33:33:00:00:00:01" in told and "hlim 255" in told and "icmp6 sum ok" in told
    assert "tgt is 2001:db8:1::10, Flags [router, override]" in told
    namespaces.close()


def test_what_cannot_be_told_is_left_out(inside: World) -> None:
    inside.run("sh", "-c", WIRE)
    namespaces = Namespaces()
    announcing = Announcing(namespaces)
    for ifname, address in (("gone", "203.0.113.10"), ("down", "203.0.113.10"), ("lo", "203.0.113.10")):
        assert announcing.announce("", [At(ifname, address)]) == 0, ifname
    assert announcing.announce("", [At("quiet", "2001:db8:1::10"), At("quiet", "203.0.113.10")]) == 1
    assert announcing.announce("nowhere", [At("ext0", "203.0.113.10")]) == 0
    namespaces.close()
