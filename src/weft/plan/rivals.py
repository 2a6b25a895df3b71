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
    changed = [c for key, c in todo.changes.items() if key.table == "link" and isinstance(c.after, Link)]
    if not changed:
        return {}
    theirs = [link for key, link in observed.items() if isinstance(link, Link) and key not in ours]
    known = _Theirs(theirs)
    alike = {link.key: rival for link in _wanting(todo) if (rival := known.like(link)) is not None}
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
    links = [c for key, c in todo.changes.items() if key.table == "link" and c.op in (Op.CREATE, Op.REPLACE)]
    return [c.after for c in links if isinstance(c.after, Link) and KINDS.of(c.after).alone]


class _Theirs:
    """Links, found by their kind and what they have in some of its fields. Each set of fields that is asked for is
    gone through once."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._of_kind: dict[type[Link], list[Link]] = {}
        for link in links:
            self._of_kind.setdefault(type(link), []).append(link)
        self._by_values: dict[tuple[type[Link], tuple[str, ...]], dict[tuple[object, ...], list[Link]]] = {}

    def like(self, link: Link) -> Link | None:
        """The last of those under another key that are alike. What `link` leaves to the kernel may be anything."""
        fields = tuple(name for name in KINDS.of(link).alone if getattr(link, name) is not None)
        alike = self._by(type(link), fields).get(_values(link, fields), ())
        return next((other for other in reversed(alike) if other.key != link.key), None)

    def _by(self, kind: type[Link], fields: tuple[str, ...]) -> Mapping[tuple[object, ...], list[Link]]:
        found = self._by_values.get((kind, fields))
        if found is None:
            found = self._by_values[kind, fields] = {}
            for link in self._of_kind.get(kind, ()):
                found.setdefault(_values(link, fields), []).append(link)
        return found


def _values(link: Link, fields: Iterable[str]) -> tuple[object, ...]:
    return tuple(getattr(link, name) for name in fields)


def told(link: Link) -> str:
    """What the two have in common: `vid 5, parent eth1`."""
    pairs = ((name, getattr(link, name)) for name in reversed(KINDS.of(link).alone))
    named = ((name, value.name if isinstance(value, Key) else value) for name, value in pairs)
    return ", ".join(f"{name} {value}" for name, value in named if value not in (None, ""))
