"""What a file says, before anybody knows what it means: texts, lists and mappings, each with its place.

Rules: a scalar stays text; what it means is decided later, by the type of the field it stands in. Nodes are shared
(aliases, defaults, ranges), so nobody changes one that is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import NamedTuple

from weft.records import dataclass

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
FALSE = frozenset({"false", "no", "off", "n", "f", "0"})
"""In lower case, what a truth reads as false. Source: pydantic's lax mode."""


class Place(NamedTuple):
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


Report = Callable[[Place, str, str], None]
"""report(place, what, fix): how what looks at nodes tells what is wrong, and what would be right."""


class Fill(NamedTuple):
    """What `{name}` and `{n}` stand for in an entry; `n` is "" outside a range."""

    name: str
    n: str


class Entry(NamedTuple):
    """A key of a mapping, by its place, and what it maps to."""

    place: Place
    value: Node
    fill: Fill | None = None


@dataclass(slots=True)
class Scalar:
    place: Place
    text: str
    plain: bool = True

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in NULLS


@dataclass(slots=True)
class Items:
    """A list. `weight`: the nodes in it, aliases counted as often as they are used."""

    place: Place
    items: list[Node] = field(default_factory=list)
    weight: int = 1


@dataclass(slots=True)
class Entries:
    """A mapping in the order of the file. `weight` as in Items."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)
    weight: int = 1

    def text(self, key: str) -> str | None:
        """The text under a key, None where there is none or it is not a text."""
        entry = self.entries.get(key)
        return entry.value.text if entry and isinstance(entry.value, Scalar) else None

    def empty_lists(self) -> Iterator[tuple[str, Place]]:
        """Keys whose value is a list of nothing, with its place."""
        for key, entry in self.entries.items():
            if isinstance(entry.value, Items) and not entry.value.items:
                yield key, entry.value.place


Node = Scalar | Items | Entries


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


class Trail(NamedTuple):
    """The deepest node that a path leads to, the place of its key (or of the item), and the rest of the path."""

    key_place: Place
    node: Node
    rest: Sequence[str | int]


def follow(root: Node, path: Sequence[str | int]) -> Trail:
    """Go down `path` as far as there are nodes. List indices may be int or digits."""
    key_place, node = root.place, root
    for depth, step in enumerate(path):
        entry = _step(node, step)
        if entry is None:
            return Trail(key_place, node, path[depth:])
        key_place, node = entry.place, entry.value
    return Trail(key_place, node, ())


def _step(node: Node, step: str | int) -> Entry | None:
    if isinstance(node, Entries):
        return node.entries.get(str(step))
    if isinstance(node, Items) and str(step).isdecimal() and int(step) < len(node.items):
        item = node.items[int(step)]
        return Entry(item.place, item)
    return None


@dataclass(frozen=True, slots=True)
class Origins:
    """Where in the user's files each part of an intent stands."""

    root: Node

    def at(self, path: Iterable[str]) -> str:
        """`file:line:column` of the path's key, or of its nearest ancestor that a file names."""
        return str(follow(self.root, tuple(path)).key_place)

    def value_at(self, path: Sequence[str | int]) -> str:
        """As `at`, but of the value where that is a text: what an error about the value points to."""
        trail = follow(self.root, path)
        return str(trail.node.place if isinstance(trail.node, Scalar) else trail.key_place)
