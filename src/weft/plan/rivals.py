"""Links of others that the kernel would not let a new one stand beside: the same tag on one link, one VNI, one pair of
tunnel ends. It says no more than that something is busy.

Rules: pure. What is made in one namespace may stand in any other: seen is only what is in those that were read.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.kinds import KINDS
from weft.kinds.link.common import Link
from weft.plan.phases import Plan
from weft.state import Key, Op, State


def rivals(todo: Plan, observed: State, ours: State) -> Mapping[Key, Link]:
    """By the key of what is about to be made, what stands in its place under another name."""
    wanting = _wanting(todo)
    if not wanting:
        return {}
    theirs = [link for key, link in observed.items() if isinstance(link, Link) and key not in ours]
    return {link.key: rival for link in wanting for rival in theirs if _is_alike(link, rival)}


def may_have_rivals(todo: Plan) -> bool:
    """Whether anything is to be made that nothing else may be like."""
    return bool(_wanting(todo))


def _wanting(todo: Plan) -> list[Link]:
    links = [c for key, c in todo.changes.items() if key.table == "link" and c.op in (Op.CREATE, Op.REPLACE)]
    return [c.after for c in links if isinstance(c.after, Link) and KINDS.of(c.after).alone]


def _is_alike(link: Link, other: Link) -> bool:
    """What is left to the kernel may be anything."""
    if type(link) is not type(other) or link.key == other.key:
        return False
    wanted = ((getattr(link, name), getattr(other, name)) for name in KINDS.of(link).alone)
    return all(ours is None or ours == theirs for ours, theirs in wanted)


def told(link: Link) -> str:
    """What the two have in common: `vid 5, parent eth1`."""
    pairs = ((name, getattr(link, name)) for name in reversed(KINDS.of(link).alone))
    named = ((name, value.name if isinstance(value, Key) else value) for name, value in pairs)
    return ", ".join(f"{name} {value}" for name, value in named if value not in (None, ""))
