"""Whether the kernel holds what an apply meant it to: looked at anew, outside of any lock."""

from __future__ import annotations

from weft.apply import Look
from weft.diff import diff
from weft.errors import VerifyMismatch
from weft.plan import Plan
from weft.plan.render import describe


def verify(done: Plan, look: Look) -> None:
    """Read every object that the plan touched and compare.

    Raises: VerifyMismatch naming each difference.
    """
    goal = done.after
    left = diff(look(done.keys, goal), goal)
    if left:
        raise VerifyMismatch([f"{change.op.value} {describe(change)}" for change in left.values()])
