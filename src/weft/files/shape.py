"""Nodes as the user wrote them to nodes as the model wants them: ranges opened, defaults laid under, shorthands spelled
out, keys known.

Rules: one walk, led by the outline of the model. A key that nobody knows is an error with the nearest known one; one
that a later version knows is refused by name. An empty value (`mtu:`) is a value not given. What has the wrong shape
altogether is left as it is: the types say so afterwards, with everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from weft.errors import Problem
from weft.files import later
from weft.files.checks import RECORD_CHECKS
from weft.files.nodes import Entries, Entry, Fill, Items, Node, Place, Scalar, is_null
from weft.files.outline import Choice, Leaf, Listing, Outline, Record, Table, outline
from weft.files.ranges import expand, filled
from weft.files.shorthand import SHORTHANDS
from weft.model.intent import Intent, Network, Port, Tenant
from weft.model.links import HostLink
from weft.model.words import Malformed, among, closest
from weft.records import dataclass

RANGED = (Port, Network, HostLink)
_DEFAULTS_FOR: Mapping[str, type[Any]] = {"port": Port, "network": Network}
Spoken = dict[type[Any], set[str]]
"""Keys by record."""

_ONE_OF_A_KIND = ("id", "was", "mac")
"""What cannot be many things' default."""


@dataclass(slots=True)
class Shaper:
    """`problems` gathers what is wrong, `spoken` which keys of which records are given at all; `defaults` is what lies
    under each entry of a class."""

    problems: list[Problem] = field(default_factory=list)
    defaults: Mapping[type[Any], Entries] = field(default_factory=dict)
    spoken: Spoken = field(default_factory=dict)

    def intent(self, root: Node) -> Node:
        return self._shape(root, outline(Intent))

    def problem(self, place: Place, what: str, fix: str = "") -> None:
        self.problems.append(Problem(where=str(place), what=what, fix=fix))

    def _shape(self, node: Node, wanted: Outline) -> Node:
        if isinstance(wanted, Record):
            return self._record(node, wanted)
        if isinstance(wanted, Choice):
            return self._chosen(node, wanted)
        if isinstance(wanted, Table) and isinstance(node, Entries):
            return self._table(node, wanted)
        if isinstance(wanted, Listing) and isinstance(node, Items):
            return replace(node, items=[self._shape(item, wanted.of) for item in node.items])
        return node

    def _chosen(self, node: Node, wanted: Choice) -> Node:
        """The record that a word in it chooses, with that word."""
        if not isinstance(node, Entries) or wanted.by not in node.entries:
            return self._record(node, wanted.plain, wanted)
        entry = node.entries[wanted.by]
        rest = Entries(node.place, {k: e for k, e in node.entries.items() if k != wanted.by}, node.weight)
        record = wanted.of.get(node.text(wanted.by) or "")
        if record is None:
            return self._unchosen(entry, rest, wanted)
        shaped = self._record(rest, record, wanted)
        assert isinstance(shaped, Entries)
        return Entries(shaped.place, {wanted.by: entry, **shaped.entries}, node.weight)

    def _unchosen(self, entry: Entry, rest: Entries, wanted: Choice) -> Node:
        """Nobody knows what may stand beside a wrong word: only what may always stand there is looked at."""
        if is_null(entry.value):
            return self._record(rest, wanted.plain, wanted)
        word = entry.value.text if isinstance(entry.value, Scalar) else ""
        meant = closest(word, wanted.of)
        refusal = later.kind_refusal(word)
        what = refusal or f"{wanted.by}: {word!r} is not one of {', '.join(wanted.of)}"
        self.problem(entry.value.place, what, f"did you mean {meant}?" if meant and not refusal else "")
        known = wanted.plain.fields
        there = {k: self._field(e, known[k]) for k, e in rest.entries.items() if k in known}
        return self._noted(wanted.plain, Entries(rest.place, there))

    def _noted(self, record: Record, shaped: Entries) -> Entries:
        self.spoken.setdefault(record.cls, set()).update(shaped.entries)
        return shaped

    def _field(self, entry: Entry, wanted: Outline) -> Entry:
        return Entry(entry.place, self._shape(entry.value, wanted))

    def _record(self, node: Node, wanted: Record, choice: Choice | None = None) -> Node:
        """`choice`: what the record was chosen from."""
        spell_out = SHORTHANDS.get(wanted.cls)
        node = spell_out(node, self.problem) if spell_out else node
        if not isinstance(node, Entries):
            return node
        if wanted.cls in (Intent, Tenant) and "defaults" in node.entries:
            node, inner = self._under(node)
            return inner._record(node, wanted)
        shaped = Entries(node.place)
        for key, entry in node.entries.items():
            if key not in wanted.fields:
                self._unknown(key, entry.place, wanted, choice)
            elif not is_null(entry.value):
                shaped.entries[key] = self._field(entry, wanted.fields[key])
        check = RECORD_CHECKS.get(wanted.cls)
        if check and wanted.fields.keys() >= node.entries.keys():
            check(shaped, self.problem)
        return self._noted(wanted, shaped)

    def _unknown(self, key: str, place: Place, record: Record, choice: Choice | None) -> None:
        refusal = (_another_s(key, record, choice) if choice else "") or later.refusal(record.cls, key)
        if refusal:
            return self.problem(place, refusal)
        known = [*record.fields, *(["defaults", "include"] if record.cls is Intent else [choice.by] if choice else [])]
        word, colon, value = key.partition(":")
        if colon and word in known:
            return self.problem(place, f"{key} is one word to YAML", f"a blank behind the colon: {word}: {value}")
        meant = closest(key, known)
        fix = f"did you mean {meant}?" if meant else "known here: " + ", ".join(sorted(known))
        return self.problem(place, f"{key} is not known here", fix)

    def _under(self, node: Entries) -> tuple[Entries, Shaper]:
        """The record without its `defaults:`, and a shaper that lays them under what is in it."""
        given = node.entries["defaults"].value
        rest = Entries(node.place, {k: e for k, e in node.entries.items() if k != "defaults"}, node.weight)
        if is_null(given):
            return rest, self
        if not isinstance(given, Entries):
            self.problem(given.place, "defaults is a mapping", "for example defaults: {port: {mtu: 1400}}")
            return rest, self
        defaults = dict(self.defaults)
        for key, entry in given.entries.items():
            cls = _DEFAULTS_FOR.get(key)
            if cls is None:
                self.problem(entry.place, f"{key} has no defaults", f"there are some for {' and '.join(_DEFAULTS_FOR)}")
            else:
                defaults[cls] = _laid_under(self._default(cls, entry.value), defaults.get(cls))
        return rest, Shaper(self.problems, defaults, self.spoken)

    def _default(self, cls: Any, node: Node) -> Entries:
        shaped = self._shape(node, outline(cls))
        if not isinstance(shaped, Entries):
            if not is_null(node):
                self.problem(node.place, "a default is a mapping", "for example port: {mtu: 1400}")
            return Entries(node.place)
        for key in _ONE_OF_A_KIND:
            if key in shaped.entries:
                self.problem(shaped.entries[key].place, f"{key} cannot be a default: it belongs to one thing alone")
        return shaped

    def _table(self, node: Entries, wanted: Table) -> Entries:
        entry_of = wanted.of.plain if isinstance(wanted.of, Choice) else wanted.of
        cls = entry_of.cls if isinstance(entry_of, Record) else None
        shaped = Entries(node.place)
        for key, entry in node.entries.items():
            fills = self._names(key, entry.place, cls in RANGED)
            value = self._entry(key, entry, wanted.of, cls)
            if len(fills) > 1 and isinstance(value, Entries):
                self._check_shared(value)
            if value is not None:
                self._add(shaped, fills, entry.place, value, wanted)
        return shaped

    def _names(self, key: str, place: Place, ranged: bool) -> list[Fill]:
        if not ranged:
            return [Fill(key, "")]
        try:
            return expand(key)
        except Malformed as wrong:
            self.problem(place, wrong.what, wrong.fix)
            return []

    def _check_shared(self, entry: Entries) -> None:
        """What belongs to one thing alone must differ over a range."""
        for key in _ONE_OF_A_KIND:
            said = entry.text(key)
            if said is not None and "{n" not in said:
                self.problem(entry.entries[key].place, f"{key} cannot be shared by a range", "put {n} or {name} in it")

    def _entry(self, key: str, entry: Entry, wanted: Outline, cls: type[Any] | None) -> Node | None:
        if isinstance(wanted, Leaf) or cls is None:
            if is_null(entry.value):
                self.problem(entry.place, f"{key} has no value", "give it one, or take the line out")
                return None
            return self._shape(entry.value, wanted)
        given: Node = Entries(entry.value.place) if is_null(entry.value) else entry.value
        shaped = self._shape(given, wanted)
        under = self.defaults.get(cls)
        return _laid_under(shaped, under) if isinstance(shaped, Entries) and under else shaped

    def _add(self, table: Entries, fills: list[Fill], place: Place, value: Node, wanted: Table) -> None:
        for fill in fills:
            try:
                key = wanted.key.read(fill.name)
            except Malformed as wrong:
                self.problem(place, wrong.what, wrong.fix)
                key = fill.name
            before = table.entries.get(key)
            if before is not None:
                return self.problem(place, f"{key} is given twice, first at {before.place}", "keep one of the two")
            table.entries[key] = Entry(place, value, fill)
        return None


def _another_s(key: str, record: Record, choice: Choice) -> str:
    """The sentence that says whose the key is, "" where it is nobody's."""
    owners = [_a(word) for word, other in choice.of.items() if key in other.fields]
    this = next((_a(word) for word, other in choice.of.items() if other is record), "not one")
    return f"{key} belongs to {among(owners)}; this is {this}" if owners else ""


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _laid_under(entry: Entries, under: Entries | None) -> Entries:
    """What the entry gives, and of the default what it does not."""
    return Entries(entry.place, {**(under.entries if under else {}), **entry.entries}, entry.weight)


def plain(node: Node, problems: list[Problem], fill: Fill | None = None) -> Any:
    """Shaped nodes as dicts, lists and texts, with `{name}` and `{n}` filled in."""
    if isinstance(node, Entries):
        return {key: plain(entry.value, problems, entry.fill or fill) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [None if is_null(item) else plain(item, problems, fill) for item in node.items]
    return _text(node, problems, fill) if fill and "{n" in node.text else node.text


def _text(node: Scalar, problems: list[Problem], fill: Fill) -> str:
    try:
        return filled(node.text, fill)
    except Malformed as wrong:
        problems.append(Problem(where=str(node.place), what=wrong.what, fix=wrong.fix))
        return node.text
