"""One YAML or JSON text to nodes, by the YAML parser's events.

Rules: YAML's own guesses at types are never asked for. A key given twice is an error that names both lines. Aliases
and merge keys (`<<`) work, within bounds that a file written by a person never meets. A wrong key does not hide the
next one: only a text that is no YAML at all ends the reading. A key given twice hides nothing at all: the first stands.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml import events as ev

from weft.errors import IntentInvalid, Problem
from weft.files.nodes import Entries, Entry, Items, Node, Place, Scalar, is_null
from weft.files.syntax import syntax_problem, where
from weft.model.words import closest

MAX_DEPTH = 40
MAX_ALIASED = 250_000
"""Nodes that aliases may add to a file."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAGS = frozenset("tag:yaml.org,2002:" + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq"))
_PLACEHOLDERS = frozenset({"name", "n"})


def parse(file: str, text: str, twice: list[Problem]) -> Node:
    """The file's one document. `twice` gathers the keys that are given twice.

    Raises: IntentInvalid with everything else that is wrong with the text.
    """
    builder = _Builder(file, twice)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        builder.problems.append(syntax_problem(file, text, error))
    except UnicodeEncodeError as error:
        what = "half a character (a lone surrogate)"
        builder.problems.append(Problem(where=where(file, text, error.start), what=what, fix="take it out"))
    except _TooMuch as stop:
        builder.problems.append(stop.problem)
    if not builder.problems and (builder.root is None or is_null(builder.root)):
        fix = "begin with `weft: 1` and `name: NAME`; `weft init` writes an example"
        builder.problems.append(Problem(where=f"{file}:1:1", what="the file is empty", fix=fix))
    if builder.problems or builder.root is None:
        raise IntentInvalid(builder.problems)
    return builder.root


class _TooMuch(Exception):
    """The text goes beyond a bound; reading it on would be of no use to anybody."""

    def __init__(self, place: Place, what: str) -> None:
        self.problem = Problem(where=str(place), what=what)


class _Open:
    """A list or mapping that is being read."""

    __slots__ = ("anchor", "flow", "key", "merges", "node")

    def __init__(self, node: Items | Entries, anchor: str | None, flow: bool) -> None:
        self.node, self.anchor, self.flow = node, anchor, flow
        self.key: tuple[Place, str] | None = None
        self.merges: list[Node] = []


class _Builder:
    """Takes events one by one; `root` is the document when they end."""

    def __init__(self, file: str, twice: list[Problem]) -> None:
        self.file = file
        self.twice = twice
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is ev.ScalarEvent:
            self._check_tag(event)
            plain = event.style in (None, "", "plain") and event.tag is None
            self._put(Scalar(self._place(event), event.value, plain), event.anchor)
        elif kind is ev.MappingStartEvent:
            self._open(Entries(self._place(event)), event)
        elif kind is ev.SequenceStartEvent:
            self._open(Items(self._place(event)), event)
        elif kind is ev.MappingEndEvent or kind is ev.SequenceEndEvent:
            self._close()
        elif kind is ev.AliasEvent:
            self._alias(event)
        elif kind is ev.DocumentStartEvent:
            self._document(event)

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _problem(self, place: Place, what: str, fix: str = "") -> None:
        self.problems.append(Problem(where=str(place), what=what, fix=fix))

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _TooMuch(self._place(event), "a second document begins here, a file has one")

    def _check_tag(self, event: Any) -> None:
        if event.tag not in (None, "!") and event.tag not in _CORE_TAGS:
            self._problem(self._place(event), f"the tag {event.tag} has no meaning here", "leave it out")

    def _open(self, node: Items | Entries, event: Any) -> None:
        self._check_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            raise _TooMuch(node.place, f"more than {MAX_DEPTH} levels of nesting")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(node, event.anchor, event.flow_style))

    def _close(self) -> None:
        top = self._stack.pop()
        for merged in top.merges:
            self._merge(top.node, merged)
        self._put(_placeholder(top) or top.node, top.anchor)

    def _merge(self, into: Items | Entries, merged: Node) -> None:
        """YAML's `<<`: keys that are not given yet. Source: yaml.org/type/merge.html."""
        assert isinstance(into, Entries)
        for source in merged.items if isinstance(merged, Items) else [merged]:
            if not isinstance(source, Entries):
                self._problem(source.place, "`<<` takes a mapping or a list of mappings", "for example `<<: *common`")
                continue
            into.entries = {**source.entries, **into.entries}
            into.weight += source.weight

    def _alias(self, event: Any) -> None:
        place, name = self._place(event), event.anchor
        node = self._anchors.get(name)
        if node is None:
            self._unknown_alias(place, name)
            node = Scalar(place, "")
        self._aliased += getattr(node, "weight", 1)
        if self._aliased > MAX_ALIASED:
            raise _TooMuch(place, f"aliases repeat more than {MAX_ALIASED:,} nodes")
        self._put(node, None, at=place)

    def _unknown_alias(self, place: Place, name: str) -> None:
        if name in self._anchors:
            self._problem(place, f"*{name} stands inside what it repeats")
            return
        meant = closest(name, self._anchors)
        fix = f"did you mean *{meant}?" if meant else ""
        self._problem(place, f"*{name} repeats nothing: there is no &{name} above", fix)

    def _put(self, node: Node, anchor: str | None, at: Place | None = None) -> None:
        """A complete node goes where it belongs: the document, a list, a key or the value of one."""
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        top.node.weight += getattr(node, "weight", 1)
        if isinstance(top.node, Items):
            top.node.items.append(node)
        elif top.key is None:
            top.key = (at or node.place, self._key_text(node))
        else:
            self._add(top, *top.key, node)
            top.key = None

    def _key_text(self, node: Node) -> str:
        if isinstance(node, Scalar) and not node.is_null:
            return node.text
        self._problem(node.place, "a key must be a text", "write `key: value`")
        return ""

    def _add(self, top: _Open, place: Place, key: str, value: Node) -> None:
        assert isinstance(top.node, Entries)
        before = top.node.entries.get(key)
        if key == "<<":
            top.merges.append(value)
        elif before is None:
            top.node.entries[key] = Entry(place, value)
        else:
            what = f"{key} is given twice, first at {before.place}"
            self.twice.append(Problem(where=str(place), what=what, fix="keep one of the two"))


def _placeholder(top: _Open) -> Scalar | None:
    """`{name}` and `{n}` without quotes are to YAML a mapping with an empty value; nobody means that."""
    if not top.flow or not isinstance(top.node, Entries) or len(top.node.entries) != 1:
        return None
    key, entry = next(iter(top.node.entries.items()))
    at_once = entry.place._replace(column=entry.place.column + len(key))  # `{n}`, not `{n: }`
    if key in _PLACEHOLDERS and entry.value == Scalar(at_once, ""):
        return Scalar(top.node.place, f"{{{key}}}", plain=False)
    return None
