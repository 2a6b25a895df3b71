"""What a bridge keeps of its ports as messages and as words: only what differs is said, and read back as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.kinds.base import Request
from weft.kinds.link import bridge_port, bridge_vlan, vlan
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_port import BridgePort
from weft.kinds.link.bridge_vlan import BridgeVlans, canonical, flags_of
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.vlan import Vlan
from weft.model.bridging import PortVlans
from weft.model.words import Malformed
from weft.plan import plan
from weft.state import Change, KernelObject, Key, Op, State, link_key
from weft.wire.bridge_vlan import (
    BRIDGE_VLAN_INFO_PVID,
    BRIDGE_VLAN_INFO_UNTAGGED,
    VlanRange,
    read_bridge_vlans,
    set_bridge_vlans,
)
from weft.wire.codec import HEADER_SIZE

BOTH = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED
read_form = PortVlans.__metadata__[0].read  # type: ignore[attr-defined]


class Indexes:
    """Every link has the index 7."""

    def ifindex(self, link: Key) -> int:
        return 7

    def is_watched(self, netns: str) -> bool:
        return False

    def netns_fd(self, netns: str) -> int:
        return 3

    def coming(self, link: Key) -> KernelObject | None:
        return None

    def keeps_secondaries(self, link: Key) -> bool:
        return True

    def info_kind(self, link: Key) -> str:
        return "bridge"


def port(**fields: object) -> BridgePort:
    return BridgePort(netns="", ifname="p", master="br", **fields)  # type: ignore[arg-type]


def vlans(*said: str, master: str = "br") -> BridgeVlans:
    return BridgeVlans(netns="", ifname="p", master=master, vlans=said)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (["5", "6", "7"], ("5-7",)),
        (["1-10", "5 pvid untagged"], ("1-4", "5 pvid untagged", "6-10")),
        (["7 untagged", "8 untagged", "9"], ("7-8 untagged", "9")),
        (["20", "10"], ("10", "20")),
        ([], ()),
    ],
)
def test_vlans_are_in_order_in_ranges_as_long_as_can_be(said: list[str], meant: tuple[str, ...]) -> None:
    assert canonical(flags_of(said)) == meant
    assert canonical(flags_of(meant)) == meant


def test_ranges_survive_the_wire() -> None:
    ranges = (VlanRange(1, 1, BOTH), VlanRange(5, 4094), VlanRange(2, 3, BRIDGE_VLAN_INFO_UNTAGGED))
    message = set_bridge_vlans(9, ranges, own=False)
    read = read_bridge_vlans(message, HEADER_SIZE, len(message))
    assert (read.ifindex, read.ranges) == (9, ranges)


def test_a_change_of_vlans_says_what_goes_and_what_comes() -> None:
    before, after = vlans("1 pvid untagged", "10-20"), vlans("5 pvid untagged", "10", "12-20")
    assert list(bridge_vlan.script(Change(Op.UPDATE, before, after))) == [
        "bridge vlan del dev p vid 1",
        "bridge vlan del dev p vid 11",
        "bridge vlan add dev p vid 5 pvid untagged",
    ]
    assert len(list(bridge_vlan.requests(Change(Op.UPDATE, before, after), Indexes()))) == 2


def test_new_vlans_take_away_whatever_the_bridge_gave_the_port() -> None:
    assert list(bridge_vlan.script(Change(Op.CREATE, None, vlans("5", master="")))) == [
        "bridge vlan del dev p vid 1-4 self",
        "bridge vlan del dev p vid 6-4094 self",
        "bridge vlan add dev p vid 5 self",
    ]


def test_a_port_says_what_differs_from_a_new_one_and_goes_back_to_that() -> None:
    kept = port(isolated=True, cost=5)
    assert list(bridge_port.script(Change(Op.CREATE, None, kept))) == [
        "ip link set dev p type bridge_slave isolated 1 cost 5"
    ]
    changed = replace(kept, isolated=False, learning=False)
    assert list(bridge_port.script(Change(Op.UPDATE, kept, changed))) == [
        "ip link set dev p type bridge_slave isolated 0 learning 0"
    ]
    assert list(bridge_port.script(Change(Op.DELETE, kept, None))) == [
        "ip link set dev p type bridge_slave isolated 0"
    ], "the cost stays"
    assert list(bridge_port.requests(Change(Op.CREATE, None, port()), Indexes())) == []


def test_a_vlan_is_made_where_its_parent_is() -> None:
    made = Vlan(netns="web", ifname="v", parent=link_key("", "eth0"), vid=5, egress_qos=((1, 2),))
    first, *rest = vlan.ROW.requests(Change(Op.CREATE, None, made), Indexes())
    assert isinstance(first, Request) and first.netns == "" and {request.netns for request in rest} == {"web"}
    (said, *_) = vlan.ROW.script(Change(Op.CREATE, None, made))
    assert said == "ip link add link eth0 name v netns web type vlan protocol 802.1q id 5 egress-qos-map 1:2"


def test_a_mapping_that_is_no_more_is_mapped_to_nothing() -> None:
    before = Vlan(netns="", ifname="v", parent=link_key("", "eth0"), vid=5, egress_qos=((1, 2), (3, 4)))
    after = replace(before, egress_qos=((3, 4), (5, 6)))
    assert list(vlan.ROW.script(Change(Op.UPDATE, before, after))) == [
        "ip link set dev v type vlan egress-qos-map 1:0 5:6"
    ]


@pytest.mark.parametrize(
    ("written", "read"), [("10", "10"), ("10-10", "10"), ("5 untagged  PVID", "5 pvid untagged"), ("0x5", None)]
)
def test_the_form_of_vlans(written: str, read: str | None) -> None:
    if read is None:
        with pytest.raises(Malformed):
            read_form(written)
    else:
        assert read_form(written) == read


@pytest.mark.parametrize("written", ["0", "4095", "20-10", "1-4095", "10-20 pvid", "10 tagged", ""])
def test_vlans_that_are_none(written: str) -> None:
    with pytest.raises(Malformed):
        read_form(written)


def test_with_another_default_vlan_the_vlans_of_every_port_are_said_anew_and_none_is_cut() -> None:
    bridge = Bridge(netns="", ifname="br", vlan_filtering=True, vlan_default_pvid=0)
    link = Dummy(netns="", ifname="p", master="br")
    before = State.of([bridge, link, vlans("5")])
    after = State.of([replace(bridge, vlan_default_pvid=1), link, vlans("5")])
    steps = [(change.op, change.key.table) for step in plan(before, after).steps() for change in step.changes]
    assert steps == [(Op.UPDATE, "link"), (Op.CREATE, "bridge-vlans")]
