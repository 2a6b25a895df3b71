"""How work grows with what it is done for: counted in calls, so that nothing else on the machine disturbs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls(do: Callable[[], object]) -> int:
    """How often `do` enters or leaves a function, be it of Python or of C, or a generator."""
    count = 0

    def seen(_frame: FrameType, _event: str, _arg: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(seen)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


def demand_linear(work: Callable[[int], Callable[[], object]], few: int = 40) -> None:
    """That four times as much is little more than four times the work. `work`: what is done for so many."""
    work(1)()  # what is made once a process
    for_few, for_many = calls(work(few)), calls(work(4 * few))
    assert for_many < 5 * for_few, f"{for_few} calls for {few}, {for_many} for {4 * few}"
