"""What a connection lives on, and which changes touch it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.kinds.ip.address import Address
from weft.kinds.ip.route import NextHop, Route
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import OtherLink
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.vlan import Vlan
from weft.kinds.setting.link import LinkSetting
from weft.kinds.setting.sysctl import Sysctl
from weft.plan import plan
from weft.plan.lifeline import touched
from weft.state import KernelObject, State, link_key

CLIENT, NEAR = "192.0.2.9", "10.0.0.9"
ETH = OtherLink(netns="", ifname="eth0", link_kind="", mtu=1500, master="", up=True)
AWAY = Dummy(netns="", ifname="other", mtu=1500, master="", up=True)
ADDRESS = Address(netns="", ifname="eth0", cidr="10.0.0.1/24")
DEFAULT = Route(netns="", dst="0.0.0.0/0", ifname="eth0", via="10.0.0.254")
WORLD = State.of([ETH, AWAY, ADDRESS, DEFAULT])
SETTING = LinkSetting(netns="", ifname="eth0", attribute="mtu", value="1500")


def change(before: list[KernelObject], after: list[KernelObject], client: str = CLIENT) -> str | None:
    """The key of the change that is found to matter, where a plan leads from the one to the other."""
    observed = State(WORLD | State.of(before))
    found = touched(plan(State.of(before), State.of(after)), observed, client)
    return None if found is None else str(found.key)


@pytest.mark.parametrize(
    "before, after, told",
    [
        ([], [Route(netns="", dst="192.0.2.0/24", type="unreachable")], "route 192.0.2.0/24 table 254 metric 0"),
        ([], [Route(netns="", dst="192.0.2.9/32", ifname="other")], "route 192.0.2.9/32 table 254 metric 0"),
        ([], [Address(netns="", ifname="other", cidr="192.0.2.1/24")], "address other 192.0.2.1/24"),
        ([DEFAULT], [], "route 0.0.0.0/0 table 254 metric 0"),
        ([DEFAULT], [replace(DEFAULT, via="10.0.0.253")], "route 0.0.0.0/0 table 254 metric 0"),
        ([ADDRESS], [], "address eth0 10.0.0.1/24"),
        ([SETTING], [replace(SETTING, value="1400")], "link-setting eth0 mtu"),
    ],
)
def test_what_cuts(before: list[KernelObject], after: list[KernelObject], told: str) -> None:
    assert change(before, after) == told


@pytest.mark.parametrize(
    "before, after",
    [
        ([], [Route(netns="", dst="198.51.100.0/24", type="unreachable")]),
        ([], [Route(netns="", dst="0.0.0.0/0", ifname="other", metric=50)]),
        ([], [Route(netns="", dst="192.0.2.0/24", ifname="other", table=100)]),
        ([], [Route(netns="web", dst="192.0.2.0/24", type="unreachable")]),
        ([], [Address(netns="", ifname="eth0", cidr="10.5.0.1/24")]),
        ([AWAY], [replace(AWAY, mtu=1400)]),
        ([AWAY], []),
        ([Sysctl(netns="", name="net/ipv4/ip_forward", value="0")], []),
        ([replace(SETTING, attribute="alias", value="")], [replace(SETTING, attribute="alias", value="x")]),
    ],
)
def test_what_does_not(before: list[KernelObject], after: list[KernelObject]) -> None:
    assert change(before, after) is None


def test_a_neighbour_is_reached_by_the_link_of_its_network() -> None:
    assert change([ADDRESS], [], client=NEAR) == "address eth0 10.0.0.1/24"
    assert change([DEFAULT], [], client=NEAR) is None


def test_links_below_and_above_are_part_of_it() -> None:
    """eth0.7 on the bridge br0, of which bond0 is a member: three links between the operator and the address."""
    bridge = Bridge(netns="", ifname="br0", mtu=1500, master="", up=True)
    member = Dummy(netns="", ifname="port", mtu=1500, master="br0", up=True)
    vlan = Vlan(netns="", ifname="v7", parent=link_key("", "br0"), vid=7, mtu=1500, master="", up=True)
    address = Address(netns="", ifname="v7", cidr="192.0.2.1/24")
    lifeline: list[KernelObject] = [bridge, member, vlan, address]
    for link in (bridge, member, vlan):
        wanted = [replace(link, mtu=1400) if held is link else held for held in lifeline]  # type: ignore[type-var]
        assert change(lifeline, wanted) == str(link.key)
    assert change(lifeline, [*lifeline, AWAY]) is None


def test_every_next_hop_counts() -> None:
    two = replace(DEFAULT, ifname="", via="", nexthops=(NextHop(ifname="eth0"), NextHop(ifname="other")))
    assert change([two, AWAY], [two, replace(AWAY, mtu=1400)]) == "link other"
    assert change([two, AWAY], [two, AWAY]) is None


def test_a_zone_is_no_part_of_the_address() -> None:
    link_local = Address(netns="", ifname="eth0", cidr="fe80::1/64")
    assert change([link_local], [], client="fe80::9%eth0") == "address eth0 fe80::1/64"
    with pytest.raises(ValueError, match="nobody"):
        change([], [], client="nobody")
