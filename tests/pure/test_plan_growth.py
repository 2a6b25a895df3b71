"""What planning and telling cost grows as what is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.growth import demand_linear
from weft.kinds.link.bonding import Bond
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.common import Link
from weft.kinds.link.dummy import Dummy
from weft.kinds.nft.chain import NftChain
from weft.plan import plan
from weft.plan.render import document
from weft.state import HOST, State

Plans = tuple[State, State]


def bonds(count: int) -> Plans:
    """So many bonds that each lose one of two members."""
    held = [Bond(netns=HOST, ifname=f"b{at}", mode="active-backup", mtu=1500) for at in range(count)]
    members: list[Link] = [
        Dummy(netns=HOST, ifname=f"d{at}.{which}", master=f"b{at}") for at in range(count) for which in "xy"
    ]
    left = [replace(one, master="") if one.ifname.endswith("y") else one for one in members]
    changed = [replace(one, mtu=1400) for one in held]
    return State.of([*held, *members]), State.of([*changed, *left])


def forwards(count: int) -> Plans:
    """So many ranges of one floating IP that lead elsewhere."""

    def chain(*rules: str) -> NftChain:
        return NftChain(
            netns="r", family="inet", table="weft-lab", name="dnat", rules=rules, type="nat", hook="prerouting"
        )

    def rules(to: int) -> list[str]:
        ranges = (f"{1 + 2 * at}-{2 + 2 * at}" for at in range(count))
        return [f"ip daddr 203.0.113.9 tcp dport {ports} dnat ip to 10.{to}.0.{at}" for at, ports in enumerate(ranges)]

    return State.of([chain(*rules(0))]), State.of([chain(*rules(1))])


def vlans(count: int) -> Plans:
    """So many ports of a bridge, each in VLANs of its own."""
    bridge = Bridge(netns=HOST, ifname="b", vlan_filtering=True)
    ports = [Dummy(netns=HOST, ifname=f"d{at}", master="b") for at in range(count)]
    held = [BridgeVlans(netns=HOST, ifname=port.ifname, master="b", vlans=("5-9",)) for port in ports]
    return State(), State.of([bridge, *ports, *held])


@pytest.mark.parametrize("made", [bonds, forwards, vlans])
def test_plans_are_made_and_told_in_time_that_grows_as_they(made: Callable[[int], Plans]) -> None:
    def planning(count: int) -> Callable[[], object]:
        before, after = made(count)

        return lambda: document(plan(before, after), {}, lambda path: "")

    demand_linear(planning)
