"""What others have made that the kernel would not let a new link stand beside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.growth import demand_linear
from weft.kinds.link.common import Link
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.iptunnel import Ipip
from weft.kinds.link.vlan import Vlan
from weft.plan import plan
from weft.plan.rivals import rivals
from weft.state import HOST, State, link_key


def vlan(ifname: str, vid: int, *, parent: str = "eth0", netns: str = HOST) -> Vlan:
    return Vlan(netns=netns, ifname=ifname, parent=link_key(HOST, parent), vid=vid)


def ipip(ifname: str, local: str | None, remote: str) -> Ipip:
    return Ipip(netns=HOST, ifname=ifname, underlay=HOST, family=4, local=local, remote=remote)


def rival(wanted: Link, *others: Link, ours: tuple[Link, ...] = ()) -> Link | None:
    observed = State.of([*others, *ours])
    return rivals(plan(State.of(ours), State.of([*ours, wanted])), observed, State.of(ours)).get(wanted.key)


@pytest.mark.parametrize(
    "wanted, other",
    [
        (vlan("mine", 5), vlan("theirs", 5)),
        (vlan("mine", 5), vlan("mine", 5, netns="elsewhere")),
        (ipip("mine", "192.0.2.1", "192.0.2.2"), ipip("theirs", "192.0.2.1", "192.0.2.2")),
        (ipip("mine", None, "192.0.2.2"), ipip("theirs", "192.0.2.1", "192.0.2.2")),  # the kernel may choose that one
    ],
)
def test_a_rival_has_all_in_common_that_nothing_else_may_have(wanted: Link, other: Link) -> None:
    assert rival(wanted, other) == other


@pytest.mark.parametrize(
    "wanted, other",
    [
        (vlan("mine", 5), vlan("theirs", 6)),
        (vlan("mine", 5), vlan("theirs", 5, parent="eth1")),
        (vlan("mine", 5), vlan("mine", 5)),  # in the way by its name, which is told elsewhere
        (ipip("mine", "192.0.2.1", "192.0.2.2"), ipip("theirs", None, "192.0.2.2")),
        (Dummy(netns=HOST, ifname="mine"), Dummy(netns=HOST, ifname="theirs")),
    ],
)
def test_others_are_no_rivals(wanted: Link, other: Link) -> None:
    assert rival(wanted, other) is None


def test_its_own_name_hides_no_rival() -> None:
    """Whichever of the two is read first."""
    same, other = vlan("mine", 5), vlan("theirs", 5)
    assert rival(vlan("mine", 5), same, other) == rival(vlan("mine", 5), other, same) == other


def test_what_is_ours_is_no_rival() -> None:
    assert rival(vlan("new", 5), ours=(vlan("old", 5),)) is None


def test_as_many_are_sought_as_quickly_among_many() -> None:
    def seeking(count: int) -> Callable[[], object]:
        mine = State.of(vlan(f"mine{vid}", vid) for vid in range(count))
        theirs = State.of(vlan(f"theirs{vid}", vid, parent="eth1") for vid in range(count))
        return partial(rivals, plan(State(), mine), theirs, State())

    demand_linear(seeking)
