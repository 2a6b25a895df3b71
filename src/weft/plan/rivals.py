"""Links of others that the kernel would not let a new one stand beside: the same tag on one link, one VNI, one pair of
tunnel ends, one altname. It says no more than that something is busy, or exists.

Rules: pure. What is made in one namespace may stand in any other: seen is only what is in those that were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weft.kinds import KINDS
from weft.kinds.link.common import Link
from weft.plan.phases import Plan
from weft.state import Change, Key, Op, State


def rivals(todo: Plan, observed: State, ours: State) -> Mapping[Key, Link]:
    """By the key of what is about to be made, what stands in its place under another name."""
    changed = [change for change in todo.changes.values() if isinstance(change.after, Link)]
    if not changed:
        return {}
    theirs = [link for key, link in observed.items() if isinstance(link, Link) and key not in ours]
    alike = {link.key: rival for link in _wanting(todo) for rival in theirs if _is_alike(link, rival)}
    return alike | dict(_namesakes(changed, theirs))


def names_of(link: Link) -> frozenset[str]:
    """All that it is called in its namespace."""
    return frozenset((link.ifname, *(link.altnames or ())))


def _namesakes(changed: Iterable[Change], theirs: Iterable[Link]) -> Iterator[tuple[Key, Link]]:
    """By what is to get an altname, who has that name already."""
    called = {(link.netns, name): link for link in theirs for name in names_of(link)}
    for change in changed:
        link, before = change.after, change.before
        assert isinstance(link, Link)
        had = before.altnames or () if isinstance(before, Link) and change.op is Op.UPDATE else ()
        for name in link.altnames or ():
            rival = called.get((link.netns, name)) if name not in had else None
            if rival is not None and rival.key != link.key:
                yield link.key, rival


def may_have_rivals(todo: Plan) -> bool:
    """Whether anything is to be made that nothing else may be like."""
    return bool(_wanting(todo))


def _wanting(todo: Plan) -> list[Link]:
    made = [c.after for c in todo.changes.values() if c.op in (Op.CREATE, Op.REPLACE) and isinstance(c.after, Link)]
    return [link for link in made if KINDS.of(link).alone]


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
