"""What of a state can still be where a namespace is gone."""

from __future__ import annotations

from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.service.lost_places import lost_places, unmarked, without, without_others
from weft.state import State, netns_key

BRIDGE = Bridge(netns="shop", ifname="br")
NEAR = Veth(netns="shop", ifname="near", master="br", peer_netns="held", peer_ifname="far")
FAR = Veth(netns="held", ifname="far", peer_netns="shop", peer_ifname="near")
OF_FAR = Address(netns="held", ifname="far", cidr="10.0.0.2/24")
OF_BRIDGE = Address(netns="shop", ifname="br", cidr="10.0.0.1/24")
ALL = State.of([BRIDGE, NEAR, FAR, OF_FAR, OF_BRIDGE])


def test_what_is_made_is_not_lost_nor_what_is_there() -> None:
    assert lost_places(ALL, {"shop", "held"}.__contains__) == set()
    assert lost_places(ALL, {"shop"}.__contains__) == {"held"}
    making = State.of([*ALL.values(), Namespace(name="held")])
    assert lost_places(making, {"shop"}.__contains__) == set()
    assert lost_places(State.of([NEAR]), {"shop"}.__contains__) == {"held"}, "an end alone names the other's place"
    assert lost_places(State.of([Address(netns="", ifname="eth0", cidr="10.0.0.1/24")]), lambda _: False) == set()


def test_what_others_have_made_meanwhile_is_not_made_again() -> None:
    made, given_up = Namespace(name="held", alias="weft/h/lab/a"), Namespace(name="shop", alias="")
    making = State.of([*ALL.values(), made, given_up])
    assert lost_places(making, lambda _: True, {"held"}) == {"held"}
    assert without_others(making, {"held", "shop"}).keys() == making.keys() - {made.key}
    assert without_others(making, {"other"}) is making
    assert unmarked(making) == {"shop"}


def test_a_pair_falls_with_either_place_and_all_else_stays() -> None:
    assert without(ALL, ()) is ALL
    assert without(ALL, {"held"}) == State.of([BRIDGE, OF_BRIDGE])
    assert without(ALL, {"shop"}) == State()
    held = State.of([*ALL.values(), Namespace(name="shop")])
    assert netns_key("shop") in without(held, {"held"})
