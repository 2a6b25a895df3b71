"""What a kind of link has beside what all links have, as a table: each field knows its attribute, how it is read, and
ip's words.

Rules: a field that is None is not said. A change says only what differs. Source: ip-link(8), linux/if_link.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, ChildLink, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.records import dataclass
from weft.wire.codec import Attributes, Table, u8
from weft.wire.link import link_info

Word: TypeAlias = str | int
Write: TypeAlias = Callable[[int, int], bytes]


class Field(NamedTuple):
    """One field of a kind of link: `write` as attributes, `read` from them, `words` of ip(8)."""

    write: Callable[[Any], bytes]
    read: Callable[[Attributes], Any]
    words: Callable[[Any], tuple[Word, ...]]


FieldTable: TypeAlias = Mapping[str, Field]


def number(name: str, kind: int, word: str, write: Write = u8) -> Field:
    return Field(
        lambda link: write(kind, getattr(link, name)),
        lambda data: data.get(kind, 0),
        lambda link: (word, getattr(link, name)),
    )


def truth(name: str, kind: int, word: str) -> Field:
    """A switch of one byte; ip says `no` before the word to turn it off."""
    return Field(
        lambda link: u8(kind, int(getattr(link, name))),
        lambda data: bool(data.get(kind)),
        lambda link: (word if getattr(link, name) else f"no{word}",),
    )


def choice(name: str, kind: int, word: str, of: Mapping[str, int], write: Write = u8) -> Field:
    """One of a few words, each with the kernel's number; a number that has none reads as ""."""
    words = {number: word for word, number in of.items()}
    return Field(
        lambda link: write(kind, of[getattr(link, name)]),
        lambda data: words.get(data.get(kind, 0), ""),
        lambda link: (word, getattr(link, name)),
    )


def numbered(*words: str) -> Mapping[str, int]:
    """Words that the kernel counts from 0."""
    return {word: number for number, word in enumerate(words)}


def differing(fields: FieldTable, before: Link, after: Link) -> FieldTable:
    return {
        name: field
        for name, field in fields.items()
        if (wanted := getattr(after, name)) is not None and wanted != getattr(before, name)
    }


def written(fields: FieldTable, link: Link) -> Iterator[bytes]:
    return (field.write(link) for name, field in fields.items() if getattr(link, name) is not None)


def said(fields: FieldTable, link: Link) -> tuple[Word, ...]:
    found = (field.words(link) for name, field in fields.items() if getattr(link, name) is not None)
    return tuple(word for some in found for word in some)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What is a kind's own. `kind`: as in IFLA_INFO_KIND, and ip's word. `table`: its attributes."""

    kind: str
    table: Table
    fields: FieldTable

    def create(self, link: Link, names: Names) -> Iterator[Request]:
        yield writing.birth(link, names, link_info(self.kind, *written(self.fields, link)))
        yield from writing.dress(link, names, ())

    def change(self, before: Link, after: Link) -> list[bytes]:
        """The kind's own part of an update."""
        fields = differing(self.fields, before, after)
        return [link_info(self.kind, *written(fields, after))] if fields else []

    def script_create(self, link: Link) -> Iterable[str]:
        """Made where its parent is, into its own namespace."""
        upon = ("link", link.parent.name) if isinstance(link, ChildLink) else ()
        where = "" if link.made_in == link.netns else f" netns {command.netns_argument(link.netns)}"
        first = command.ip(link.made_in, "link", "add", *upon, "name", link.ifname)
        yield first + where + command.more(("type", self.kind, *said(self.fields, link)))

    def script_change(self, before: Link, after: Link) -> tuple[Word, ...]:
        fields = differing(self.fields, before, after)
        return ("type", self.kind, *said(fields, after)) if fields else ()

    def read(self, seen: Seen) -> dict[str, Any]:
        """The constructor's arguments of a link that was read, but for its parent."""
        data = seen.info.read(self.table)
        return {**seen.fields, **{name: field.read(data) for name, field in self.fields.items()}}


def parser(cls: type[Link], own: Own) -> Callable[..., Link | None]:
    """The `parse` of a kind of link, which may be given fields that others have read."""

    def parse(seen: Seen, **more: Any) -> Link | None:
        """None where its parent is in a namespace that nobody finds."""
        if not issubclass(cls, ChildLink):
            return cls(**own.read(seen), **more)
        return None if seen.other is None else cls(**own.read(seen), **more, parent=seen.other)

    return parse


def row(cls: type[Link], own: Own, *in_place: str, **more: Any) -> Kind:
    """The row of a kind of link. `in_place`: its own fields that the kernel changes on the living one; `more`: further
    columns of the row."""

    columns: dict[str, Any] = {
        "requests": writing.requests_with(cls, own.create, own.change),
        "script": writing.script_with(cls, own.script_create, own.script_change),
        "parse": parser(cls, own),
        "claims": altname_claims,
        "cascade": link_cascade,
    }
    return Kind(
        name=own.kind,
        cls=cls,
        backend="rtnl",
        owner=Owner.ALIAS,
        info_kind=own.kind,
        in_place=LINK_FIELDS | frozenset(in_place),
        **{**columns, **more},
    )
