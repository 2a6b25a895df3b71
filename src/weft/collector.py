"""Python's cyclic garbage collector, kept quiet where objects are made by the ten thousand.

Rules: what is decorated makes objects that stay and form no cycles; looking through them again and again for garbage
makes the work grow faster than its size (measured: a third of compiling 10,000 ports).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


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
            gc.enable()

    return quiet
