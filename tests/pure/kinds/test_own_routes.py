"""Whether the routes that the kernel makes of an address are there, and what becomes of an address without them."""

from __future__ import annotations

import pytest

from weft.kinds.ip.address import Address, script
from weft.kinds.ip.own_routes import are_there
from weft.kinds.ip.route import Route
from weft.kinds.link.dummy import Dummy
from weft.plan import Phase, plan
from weft.state import Change, Op, State
from weft.wire.address_text import AF_INET, AF_INET6
from weft.wire.ifaddr import IFA_ADDRESS, IFA_FLAGS, IFA_LOCAL, AddressMessage
from weft.wire.link import IFF_UP
from weft.wire.route import OwnRoute


def seen(address: str, length: int, *, flags: int = 0, peer: str = "", index: int = 7) -> AddressMessage:
    family = AF_INET6 if ":" in address else AF_INET
    told = {IFA_ADDRESS: peer or address, IFA_LOCAL: address, IFA_FLAGS: flags}
    return AddressMessage(family, length, flags & 0xFF, index, told)


FOUR, SECOND, SIX = seen("10.1.2.3", 20), seen("10.1.2.3", 20, flags=0x01), seen("fd00:1::3", 64)
LOCAL4, NET4 = OwnRoute(AF_INET, 32, True, "10.1.2.3", 7), OwnRoute(AF_INET, 20, False, "10.1.0.0", 7)
NET6 = OwnRoute(AF_INET6, 64, False, "fd00:1::", 7)


@pytest.mark.parametrize(("address", "own"), [(FOUR, {LOCAL4, NET4}), (SECOND, {LOCAL4, NET4}), (SIX, {NET6})])
def test_each_is_missed(address: AddressMessage, own: set[OwnRoute]) -> None:
    assert are_there(address, IFF_UP, own)
    for one in own:
        assert not are_there(address, IFF_UP, own - {one})
        assert not are_there(address, IFF_UP, own - {one} | {one._replace(ifindex=8)}), "another link's"
        assert are_there(address, 0, own - {one}), "a link that is down"


@pytest.mark.parametrize(
    ("address", "own"),
    [
        (seen("10.1.2.3", 32), {LOCAL4}),
        (seen("10.1.2.3", 20, flags=0x200), {LOCAL4}),
        (seen("10.1.2.3", 20, peer="10.9.0.1"), {LOCAL4}),
        (seen("fd00:1::3", 128), set()),
        (seen("fd00:1::3", 64, flags=0x40), set()),
        (seen("fd00:1::3", 64, flags=0x08), set()),
        (seen("127.0.0.1", 8, index=1), set()),
    ],
    ids=["host's", "without a route", "to a peer", "host's of IPv6", "tentative", "had by others", "lo"],
)
def test_where_the_kernel_makes_none_none_is_missed(address: AddressMessage, own: set[OwnRoute]) -> None:
    assert are_there(address, IFF_UP, own)


def test_it_is_given_anew_before_what_needs_its_routes() -> None:
    link = Dummy(netns="", ifname="d", up=True)
    four, six = (Address(netns="", ifname="d", cidr=cidr) for cidr in ("10.1.2.3/20", "fd00:1::3/64"))
    by4, by6 = (
        Route(netns="", dst=dst, via=via, ifname="d") for dst, via in (("0.0.0.0/0", "10.1.0.1"), ("::/0", "fd00:1::1"))
    )
    spoken = Route(netns="", dst="10.9.0.0/24", ifname="other", src="10.1.2.3")
    apart = Route(netns="", dst="10.8.0.0/24", type="blackhole")
    wanted = State.of([link, four, six, by4, by6, spoken, apart])
    bare = [Address(netns="", ifname="d", cidr=one.cidr, routed=False) for one in (four, six)]
    found = plan(State.of([link, *bare, by4, spoken, apart]), wanted)
    assert {key: change.op for key, change in found.changes.items()} == {
        four.key: Op.UPDATE,
        six.key: Op.UPDATE,
        by4.key: Op.REPLACE,
        spoken.key: Op.REPLACE,
        by6.key: Op.CREATE,
    }
    assert not found.phases[Phase.MAKE] and not found.phases[Phase.RETIRE]
    order = [(change.op, change.key) for step in found.phases[Phase.SWITCH] for change in step.changes]
    assert set(order[:2]) == {(Op.DELETE, by4.key), (Op.DELETE, spoken.key)}
    assert set(order[2:4]) == {(Op.UPDATE, four.key), (Op.UPDATE, six.key)}
    assert set(order[4:]) == {(Op.CREATE, one.key) for one in (by4, by6, spoken)}
    assert found.before[four.key] == four, "no way back leads to where routes are missing"
    assert not plan(wanted, wanted)


def test_the_commands_take_it_away_and_give_it_again() -> None:
    before, after = (Address(netns="web", ifname="d", cidr="10.1.2.3/20", routed=routed) for routed in (False, True))
    assert list(script(Change(Op.UPDATE, before, after))) == [
        "was=$(ip netns exec web sysctl -n net/ipv4/conf/d/promote_secondaries); "
        "ip netns exec web sysctl -q -w net/ipv4/conf/d/promote_secondaries=1",
        "ip -n web addr del 10.1.2.3/20 dev d",
        "ip netns exec web sysctl -q -w net/ipv4/conf/d/promote_secondaries=$was",
        "ip -n web addr add 10.1.2.3/20 dev d",
    ]
