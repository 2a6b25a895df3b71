"""What all tunnels have in common: links whose traffic travels in the packets of another network, the underlay.

Rules: a tunnel is made from its underlay's namespace into its own, and the kernel never lets go of the former: it dies
with either, and with the link that it was bound to. A kind of tunnel is a table of fields (see fields.py). Source:
ip-link(8), net/core/rtnetlink.c rtnl_newlink.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.fields import Field, FieldTable, Word, differing, said, written
from weft.kinds.link.reading import Seen
from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import Change, Key, Op, link_key
from weft.wire.address_text import ip_bytes
from weft.wire.codec import Attributes, Table, attribute, u32
from weft.wire.link import LinkInfo, link_info, set_link

ANY_ADDRESS: Mapping[int, str] = {4: "0.0.0.0", 6: "::"}
INHERIT_TOS = 1
"""What a tunnel's TOS says to take over that of the packet inside. Source: net/ipv4/ip_tunnel.c."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel(Link):
    """`underlay`: the namespace that its packets travel in. `device`: ifname there of the link that they leave by, ""
    to let the routes decide. `family`: the underlay's, 4 or 6. `local`, `remote`: addresses of the underlay, "" for
    any. `ttl`: 0 lets the kernel choose (GRE and IP in IP: that of the packet inside); `tos` as INHERIT_TOS."""

    underlay: str
    family: int
    device: str = ""
    local: str | None = None
    remote: str | None = None
    ttl: int | None = None
    tos: int | None = None

    @property
    def parent(self) -> Key | None:
        return link_key(self.underlay, self.device) if self.device else None

    @property
    def lives_on(self) -> tuple[Key, ...]:
        parent = (self.parent,) if self.parent else ()
        return tuple(dict.fromkeys((*ground(self.netns), *ground(self.underlay), *parent)))

    @property
    def made_in(self) -> str:
        return self.underlay


def address(name: str, word: str, kind: int, kind6: int | None = None) -> Field:
    """An address of the underlay. `kind6`: the attribute for one of IPv6 where that is another one."""

    def write(link: Any) -> bytes:
        raw = ip_bytes(getattr(link, name) or ANY_ADDRESS[link.family])
        return attribute(kind6 if kind6 is not None and len(raw) == 16 else kind, raw)

    def read(data: Attributes) -> str:
        found = data.get(kind) or (data.get(kind6, "") if kind6 is not None else "")
        return "" if found in ANY_ADDRESS.values() else found

    return Field(write, read, lambda link: (word, getattr(link, name) or "any"))


def family_of_ends(*addresses: str) -> int:
    """Of a tunnel as observed: IPv4 where no address tells, as the kernel has it."""
    return 6 if any(":" in found for found in addresses) else 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A kind of tunnel. `kind`: as in IFLA_INFO_KIND. `table`: its attributes. `device`: that which names the link in
    the underlay, None where the kind has none. `whole`: whether the kernel takes a change's silence for a zero, so that
    all is said. `ethernet`: whether it carries frames; else what the kernel calls its hardware address is `local`.
    `family`: the underlay's, 0 where that is for the addresses to tell."""

    kind: str
    table: Table
    fields: FieldTable
    device: int | None = None
    ethernet: bool = True
    family: int = 0
    whole: bool = False

    def create(self, tunnel: Tunnel, names: Names) -> Iterator[Request]:
        yield writing.birth(tunnel, names, link_info(self.kind, *self._data(tunnel, names, self.fields)))
        yield from writing.dress(tunnel, names, ())

    def change(self, before: Tunnel, after: Tunnel, names: Names) -> list[bytes]:
        """The kind's own part of an update."""
        fields = differing(self.fields, before, after)
        if not fields:
            return []
        return [link_info(self.kind, *self._data(after, names, self.fields if self.whole else fields))]

    def _data(self, tunnel: Tunnel, names: Names, fields: FieldTable) -> Iterator[bytes]:
        if self.device is not None and tunnel.parent is not None:
            yield u32(self.device, names.ifindex(tunnel.parent))
        yield from written(fields, tunnel)

    def script_create(self, tunnel: Tunnel) -> Iterable[str]:
        device = ("dev", tunnel.device) if tunnel.device else ()
        words = ("link", "add", "name", tunnel.ifname, "type", self.kind, *said(self.fields, tunnel), *device)
        there = tunnel.underlay != tunnel.netns
        where = f" netns {command.netns_argument(tunnel.netns)}" if there else ""
        yield command.ip(tunnel.underlay, *words) + where

    def script_change(self, before: Tunnel, after: Tunnel) -> tuple[Word, ...]:
        fields = differing(self.fields, before, after)
        words = said(self.fields if self.whole else fields, after)
        return ("type", self.kind, *words) if fields else ()

    def below(self, info: LinkInfo) -> int:
        """Index of the link in the underlay, 0 for none."""
        return int(info.read(self.table).get(self.device, 0)) if self.device is not None else 0

    def parse(self, seen: Seen) -> dict[str, Any]:
        """The constructor's arguments of a tunnel that was read."""
        data = seen.info.read(self.table)
        own = {name: field.read(data) for name, field in self.fields.items()}
        family = self.family or family_of_ends(*(own.get(name, "") for name in ("local", "remote", "group")))
        underlay, device = (seen.other.netns, seen.other.name) if seen.other else (seen.fields["netns"], "")
        common = seen.fields if self.ethernet else {**seen.fields, "mac": None}
        return {**common, **own, "family": family, "underlay": underlay, "device": device}


def _update(sort: Sort, before: Tunnel, after: Tunnel, names: Names) -> Iterator[Request]:
    """The kind's own part first, in a message of its own: VXLAN takes none that says an MTU as well, and most others
    take the underlay's MTU anew with every change, so that it has to be said again."""
    if data := sort.change(before, after, names):
        yield Request(after.netns, set_link(names.ifindex(after.key), *data))
        before = replace(before, mtu=None)
    yield from writing.update(before, after, names)


def _script_update(sort: Sort, before: Tunnel, after: Tunnel, script: writing.Script) -> Iterator[str]:
    """As _update."""
    if words := sort.script_change(before, after):
        yield command.ip(after.netns, "link", "set", "dev", after.ifname, *words)
        before = replace(before, mtu=None)
    yield from script(Change(Op.UPDATE, before, after))


def row(name: str, cls: type[Any], sort: Sort, in_place: Iterable[str], alone: tuple[str, ...]) -> Kind:
    """The row of a kind of tunnel. `in_place`: its own fields that the kernel changes on the living link; `alone`: as
    the row has it."""

    make_or_drop, said_so = writing.requests_with(cls, sort.create), writing.script_with(cls, sort.script_create)

    def requests(change: Change, names: Names) -> Iterator[Request]:
        before, after = change.before, change.after
        if change.op is Op.UPDATE and isinstance(before, Tunnel) and isinstance(after, Tunnel):
            return _update(sort, before, after, names)
        return make_or_drop(change, names)

    def script(change: Change) -> Iterator[str]:
        before, after = change.before, change.after
        if change.op is Op.UPDATE and isinstance(before, Tunnel) and isinstance(after, Tunnel):
            return _script_update(sort, before, after, said_so)
        return said_so(change)

    return Kind(
        name=name,
        cls=cls,
        backend="rtnl",
        owner=Owner.ALIAS,
        in_place=LINK_FIELDS | frozenset(in_place),
        requests=requests,
        script=script,
        info_kind=sort.kind,
        below=sort.below,
        parse=lambda seen: cls(**sort.parse(seen)),
        claims=altname_claims,
        cascade=link_cascade,
        alone=alone,
    )
