"""Where a packet is sent by where it came in: policy rules and their tables."""

from __future__ import annotations

import pytest

from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.reach.routing import Tables

TABLE = 1000
HELD = [
    Address(netns="", ifname="eth0", cidr="192.0.2.1/24"),
    Route(netns="", dst="0.0.0.0/0", ifname="eth0", via="192.0.2.254"),
    Route(netns="", dst="203.0.113.10/32", ifname="wu1", via="fe80::2"),
    Route(netns="", dst="203.0.113.10/32", ifname="wu1", via="fe80::2", table=TABLE),
    Route(netns="", dst="203.0.113.0/24", ifname="ext0", table=TABLE),
    Route(netns="", dst="0.0.0.0/0", type="unreachable", table=TABLE),
    Rule(netns="", family=4, priority=20000, iif="wu1", table=TABLE),
    Rule(netns="", family=4, priority=20001, iif="wu2", table=TABLE),
]


NEAR = Rule(
    netns="", family=4, priority=1000, iif="wu2", dst="198.51.100.0/24", table=254, suppressed=31
)  # fmt: skip
BESIDE = Route(netns="", dst="198.51.100.9/32", ifname="wu9", via="fe80::2")


@pytest.mark.parametrize(
    ("dst", "iif", "goes"),
    [
        ("198.51.100.9", "wu2", "wu9"),
        ("198.51.100.8", "wu2", "unreachable"),
        ("198.51.100.9", "wu1", "unreachable"),
        ("203.0.113.10", "wu2", "wu1"),
        ("198.51.100.8", "", "eth0"),
    ],
)
def test_a_rule_passes_over_short_prefixes(dst: str, iif: str, goes: str) -> None:
    route = Tables("", [*HELD, NEAR, BESIDE]).route(dst, "10.0.0.1", iif)
    assert route is not None and (route.ifname or route.type) == goes


@pytest.mark.parametrize(
    ("dst", "iif", "goes"),
    [
        ("198.51.100.1", "", "eth0"),
        ("198.51.100.1", "wu1", "unreachable"),
        ("203.0.113.77", "wu2", "ext0"),
        ("203.0.113.77", "eth0", "eth0"),
        ("203.0.113.10", "wu2", "wu1"),
        ("203.0.113.10", "ext0", "wu1"),
        ("203.0.113.10", "", "wu1"),
    ],
)
def test_what_comes_in_by_a_link_goes_by_its_table(dst: str, iif: str, goes: str) -> None:
    route = Tables("", HELD).route(dst, "10.0.0.1", iif)
    assert route is not None and (route.ifname or route.type) == goes
