"""What a plan says of a new object: what its name does not tell already."""

from __future__ import annotations

import pytest

from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.plan.render import describe
from weft.state import Change, KernelObject, Op


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            Rule(netns="", family=4, priority=5, src="10.0.0.0/8", table=77),
            "rule inet 5: family 4, src 10.0.0.0/8, table 77, action lookup",
        ),
        (
            Route(netns="", dst="10.9.0.0/16", table=88, metric=0, type="blackhole"),
            "route 10.9.0.0/16 table 88 metric 0: type blackhole",
        ),
    ],
)
def test_the_table_is_told_once(made: KernelObject, said: str) -> None:
    assert describe(Change(Op.CREATE, None, made)) == said
