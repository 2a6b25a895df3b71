"""Fields of kernel objects in the words and units of the file.

Rules: pure, and for people only: programs get what the kernel is told.
"""

from __future__ import annotations

from typing import Any

from weft.kinds.setting.root_qdisc import KEPT
from weft.state import Key

_WORDS = {"peer_ifname": "peer", "number": "key", "lost_rules": "rules lost", "routed": "own routes"}
_HUNDREDTHS = frozenset({"forward_delay", "hello_time", "max_age", "ageing_time"})
"""Times of a bridge, which the file has in seconds."""

_UNTOLD = frozenset(
    "netns ifname name alias altnames up nodad protocol newborn adopt addr_gen_mode mark running".split()
) | {"reloads", "parting", "ready", "family", "in_vrf", "keyed"}
_NOTHING = (None, "", (), 0, False)
_USUAL = {"vni": -1, "type": "unicast", "routed": True}


def worth_telling(field: str, value: Any) -> bool:
    """Whether a new object's value says more than that the object is there."""
    return field not in _UNTOLD and value not in _NOTHING and _USUAL.get(field) != value


def word(field: str) -> str:
    return _WORDS.get(field, field)


def say(field: str, value: Any) -> str:
    if isinstance(value, Key):
        return f"{value.name}@{value.netns}" if value.netns else value.name
    if isinstance(value, tuple):
        return "; ".join(say(field, part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field in _HUNDREDTHS and isinstance(value, int):
        return f"{value / 100:g}"
    return "none" if value in (None, "") else str(value).partition(f" {KEPT}")[0]
