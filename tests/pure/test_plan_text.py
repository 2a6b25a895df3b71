"""What a plan says of a new object: what its name does not tell already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.kinds.ip.route import NextHop, Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import OtherLink
from weft.kinds.link.fdb import Fdb
from weft.kinds.link.gre import Gre
from weft.kinds.link.veth import Veth
from weft.plan.render import describe
from weft.state import Change, KernelObject, Op


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            Rule(netns="", family=4, priority=5, src="10.0.0.0/8", table=77),
            "rule inet 5: src 10.0.0.0/8, table 77, action lookup",
        ),
        (
            Route(netns="", dst="10.9.0.0/16", table=88, metric=0, type="blackhole"),
            "route 10.9.0.0/16 table 88 metric 0: type blackhole",
        ),
        (
            Route(
                netns="",
                dst="10.9.0.0/16",
                nexthops=(NextHop(ifname="a", via="10.0.0.1", weight=3), NextHop(ifname="b")),
            ),
            "route 10.9.0.0/16 table 254 metric 0: nexthops via 10.0.0.1 dev a weight 3; dev b",
        ),
        (
            Fdb(netns="", ifname="vx", mac="02:00:00:00:00:09", dst="10.0.0.9"),
            "fdb vx 02:00:00:00:00:09: dst 10.0.0.9",
        ),
        (
            Gre(netns="", ifname="g", underlay="", family=4, mtu=1472, remote="10.0.0.9", keyed=True, number=4),
            "gre g: mtu 1472, remote 10.0.0.9, key 4",
        ),
        (Bridge(netns="", ifname="br", stp=True, ageing_time=6000), "bridge br: stp yes, ageing_time 60"),
        (Veth(netns="", ifname="a", peer_netns="", peer_ifname="b"), "veth a: peer b"),
    ],
)
def test_a_new_object_is_told_in_the_words_of_the_file(made: KernelObject, said: str) -> None:
    assert describe(Change(Op.CREATE, None, made)) == said


def test_a_change_is_told_in_the_words_of_the_file() -> None:
    before = Bridge(netns="", ifname="br", stp=True, forward_delay=1500)
    told = describe(Change(Op.UPDATE, before, replace(before, stp=False, forward_delay=0)))
    assert told == "bridge br: stp yes -> no, forward_delay 15 -> 0"
    assert describe(Change(Op.UPDATE, before, before)) == "bridge br: said again, for what it belongs to changes"


def test_a_link_of_another_kind_is_told_by_the_kernel_s_word() -> None:
    pair = Veth(netns="", ifname="v", peer_netns="web", peer_ifname="eth0")
    told = {
        "kind hardware -> veth": OtherLink(netns="", ifname="v", link_kind=""),
        "kind ovs -> veth": OtherLink(netns="", ifname="v", link_kind="ovs"),
        "kind bridge -> veth": Bridge(netns="", ifname="v"),
        "peer in a namespace that has no name -> eth0": OtherLink(netns="", ifname="v", link_kind="veth"),
    }
    for said, there in told.items():
        assert describe(Change(Op.REPLACE, there, pair)) == f"veth v: {said}"
