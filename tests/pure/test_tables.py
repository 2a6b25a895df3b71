"""Tables for pipes."""

from __future__ import annotations

from weft.doors.cli.terminal import WIDE, plain_lines


def test_columns_stand_below_each_other() -> None:
    assert plain_lines([["A", "BB", "C"], ["aaa", "b", "c"]]) == ["A    BB  C", "aaa  b   c"]


def test_one_long_cell_does_not_widen_the_others() -> None:
    long = "x" * (WIDE + 1)
    assert plain_lines([["A", "B"], ["aaa", "b"], [long, "c"]]) == ["A    B", "aaa  b", f"{long}  c"]
    assert plain_lines([[long, "c"]]) == [f"{long}  c"]
