"""Whose a route or a neighbour says that it is, when it is made or changed. Source: rtnetlink(7), rtm_protocol."""

from __future__ import annotations

from weft.state import PROTOCOL, Change, KernelObject


def protocol_of(change: Change) -> int:
    """Weft's for what it makes, the former one for what comes back. What somebody else made on a link that was adopted
    keeps its own; 0 is nobody's."""
    if _says(change.after):
        return getattr(change.after, "protocol", None) or 0
    if getattr(change.before, "others", None):
        return getattr(change.before, "protocol", None) or 0
    return PROTOCOL


def _says(obj: KernelObject | None) -> bool:
    """Whether it was observed; what is wanted says nothing of a protocol."""
    return bool(getattr(obj, "others", None)) or getattr(obj, "protocol", None) is not None
