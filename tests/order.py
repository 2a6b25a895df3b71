"""The order of tests: each worker begins with its share of the longest, so that none has them left at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def dealt(slow: Sequence[T], quick: Sequence[T], workers: int) -> list[T]:
    """All of them, for xdist's worksteal, which gives each worker an unbroken part first, the parts as equal as can be.

    The quick ones stay beside their neighbours, with whom they share fixtures.
    """
    order: list[T] = []
    begun = 0
    for worker in range(workers):
        mine = slow[worker::workers]
        part = (len(slow) + len(quick) - len(order)) // (workers - worker)
        ended = begun + max(0, part - len(mine))
        order += [*mine, *quick[begun:ended]]
        begun = ended
    return [*order, *quick[begun:]]
