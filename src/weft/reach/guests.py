"""What is said of ports behind taps, wherever it is said."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 3
"""So many are named, the others counted."""


def silent(name: str) -> str:
    """Why it asks nothing, and answers to nothing of ours."""
    return f"{name} is a tap, and only its guest could speak for it"


def unopened(*names: str) -> str:
    """Why nothing comes to it, or to any of them."""
    if len(names) == 1:
        return f"{names[0]} is a tap that nobody has opened"
    return f"{_listed(names)} are taps that nobody has opened"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
