"""Python's cyclic garbage collector, kept quiet where objects are made by the ten thousand.

Rules: what is decorated makes objects that stay and form no cycles; looking through them again and again for garbage
makes the work grow faster than its size (measured: a third of compiling 10,000 ports). What was made is old when it is
done: else the next allocation would go through all of it once more (a fifteenth of thinking of 10,000 ports).
Source: gc.freeze, gc.unfreeze: two lists are joined, no object is looked at.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_MANY = 10_000
"""Objects: looking through them takes a millisecond."""


def uncollected(work: Callable[P, R]) -> Callable[P, R]:
    """The function with the collector off while it runs, and afterwards as it was."""

    @wraps(work)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
        if not gc.isenabled():
            return work(*args, **kwargs)
        gc.disable()
        try:
            return work(*args, **kwargs)
        finally:
            _grow_old()
            gc.enable()

    return quiet


def _grow_old() -> None:
    """Have all objects where only a full collection looks, if they are many: of few the usual look costs nothing, and
    finds cycles at once. Nothing is done where somebody has objects frozen: they would not be so any more."""
    if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
