"""Elements of a set of intervals change places in one step; single values come before what goes."""

from __future__ import annotations

import pytest

from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.plan import plan
from weft.plan.phases import Phase
from weft.state import HOST, State

GROUND = (
    NftTable(netns=HOST, family="netdev", name="weft-t"),
    NftSet(
        netns=HOST, family="netdev", table="weft-t", name="m", type="ipv4_addr", data="classid", flags=("interval",)
    ),
)


def holding(*elements: str) -> State:
    named = (
        NftElement(netns=HOST, family="netdev", table="weft-t", set="m", element=one, value="1:1") for one in elements
    )
    return State.of((*GROUND, *named))


@pytest.mark.parametrize(
    ("before", "after", "is_one"),
    [
        (["10.0.0.0/8", "11.0.0.1"], ["10.0.0.0/9", "11.0.0.1"], True),
        (["10.0.0.0/8"], ["10.0.0.1"], True),
        (["80"], ["80-90"], True),
        (["10.0.0.1"], ["10.0.0.2"], False),
    ],
)
def test_who_changes_places(before: list[str], after: list[str], is_one: bool) -> None:
    found = plan(holding(*before), holding(*after))
    parts = {
        phase: [change.op.name for step in steps for change in step.changes] for phase, steps in found.phases.items()
    }
    if is_one:
        (swap,) = found.phases[Phase.SWITCH]
        assert sorted(change.op.name for change in swap.changes) == ["CREATE", "DELETE"]
        assert parts[Phase.MAKE] == parts[Phase.RETIRE] == []
    else:
        assert parts == {Phase.MAKE: ["CREATE"], Phase.SWITCH: [], Phase.RETIRE: ["DELETE"]}
