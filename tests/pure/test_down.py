"""Routes over links that are down."""

from __future__ import annotations

from dataclasses import replace

from weft.kinds.ip.address import Address
from weft.kinds.ip.route import NextHop, Route
from weft.kinds.link.common import OtherLink
from weft.kinds.setting.link import LinkSetting
from weft.service.down import over_down_links
from weft.state import State

ETH0 = OtherLink(netns="x", ifname="eth0", up=False)
ETH1 = OtherLink(netns="x", ifname="eth1", up=True)
ROUTE = Route(netns="x", dst="10.0.0.0/8", ifname="eth0")
SEVERAL = Route(netns="x", dst="10.1.0.0/16", nexthops=(NextHop(ifname="eth0"), NextHop(ifname="eth1")))
HELD = State.of([ETH0, ETH1])


def test_no_route_leads_over_a_link_that_stays_down() -> None:
    other = replace(ROUTE, ifname="eth1", dst="10.2.0.0/16")
    nowhere = Route(netns="x", dst="10.3.0.0/16", type="blackhole")
    address = Address(netns="x", ifname="eth0", cidr="10.0.0.1/24")
    wanted = State.of([ROUTE, SEVERAL, other, nowhere, address])
    assert over_down_links(wanted, HELD) == {ROUTE.key: ETH0.key, SEVERAL.key: ETH0.key}
    assert over_down_links(wanted, State.of([ETH1])) == {}, "one that is not there is another matter"


def test_what_weft_makes_or_brings_up_is_up_by_then() -> None:
    up = LinkSetting(netns="x", ifname="eth0", attribute="up", value="up")
    assert over_down_links(State.of([ROUTE, up]), HELD) == {}
    assert over_down_links(State.of([ROUTE, replace(up, value="down")]), HELD)
    assert over_down_links(State.of([ROUTE, ETH0]), HELD) == {}
