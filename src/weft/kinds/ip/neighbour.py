"""A permanent neighbour entry, or a proxy one. Source: ip-neighbour(8), linux/neighbour.h."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.ip.origin import protocol_of
from weft.records import dataclass
from weft.state import Change, Key, Keyed, Op, link_key
from weft.wire.address_text import family_of, ip_bytes, mac_bytes
from weft.wire.codec import NLM_F_CREATE, NLM_F_REPLACE, attribute, message, u8
from weft.wire.neighbour import (
    NDA_DST,
    NDA_LLADDR,
    NDA_PROTOCOL,
    NUD_PERMANENT,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
    NeighbourMessage,
    neighbour_header,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour(Keyed):
    """`address` without prefix length; `mac` None for a proxy entry (answered for, not looked up). `others`: as of
    a route."""

    netns: str
    ifname: str
    address: str
    mac: str | None = None
    proxy: bool = False
    protocol: int | None = None
    others: bool | None = field(default=None, compare=False)

    def identify(self) -> Key:
        return Key("neighbour", self.netns, f"{self.ifname} {'proxy ' if self.proxy else ''}{self.address}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (link_key(self.netns, self.ifname),)

    @property
    def family(self) -> int:
        return 6 if ":" in self.address else 4


def requests(change: Change, names: Names) -> Iterator[Request]:
    """REPLACE even where it is made: what stands in the way of a permanent entry that was not there when we looked is
    one that the kernel learned, and nobody's."""
    before, after = change.before, change.after
    if isinstance(before, Neighbour) and change.op is not Op.UPDATE:
        yield Request(before.netns, message(RTM_DELNEIGH, 0, *_identity(before, names)))
    if isinstance(after, Neighbour):
        mac = attribute(NDA_LLADDR, mac_bytes(after.mac)) if after.mac else b""
        flags = NLM_F_CREATE | NLM_F_REPLACE
        origin = protocol_of(change)
        protocol = u8(NDA_PROTOCOL, origin) if origin else b""
        yield Request(after.netns, message(RTM_NEWNEIGH, flags, *_identity(after, names), mac, protocol))


def _identity(neighbour: Neighbour, names: Names) -> tuple[bytes, bytes]:
    """Permanent, a proxy entry outlives a carrier that goes, where the kernel knows that. Source: net/core/neighbour.c
    pneigh_ifdown_and_unlock."""
    index = names.ifindex(link_key(neighbour.netns, neighbour.ifname))
    family = family_of(neighbour.address)
    header = neighbour_header(family, index, state=NUD_PERMANENT, proxy=neighbour.proxy)
    return header, attribute(NDA_DST, ip_bytes(neighbour.address))


def script(change: Change) -> Iterable[str]:
    before, after = change.before, change.after
    if isinstance(before, Neighbour) and change.op is not Op.UPDATE:
        yield command.ip(before.netns, "neigh", "del", *_words(before))
    if isinstance(after, Neighbour):
        mac = ("lladdr", after.mac, "nud", "permanent") if after.mac else ()
        verb = "replace" if change.op is Op.UPDATE else "add"
        origin = protocol_of(change)
        yield command.ip(after.netns, "neigh", verb, *_words(after), *mac, *(("protocol", origin) if origin else ()))


def _words(neighbour: Neighbour) -> tuple[str, ...]:
    return (*(("proxy",) if neighbour.proxy else ()), neighbour.address, "dev", neighbour.ifname)


def parse(netns: str, ifname: str, seen: NeighbourMessage) -> Neighbour:
    found = seen.attributes
    return Neighbour(
        netns=netns,
        ifname=ifname,
        address=found[NDA_DST],
        mac=found.get(NDA_LLADDR) or None,
        proxy=seen.proxy,
        protocol=found.get(NDA_PROTOCOL),
    )


ROW = Kind(
    name="neighbour",
    cls=Neighbour,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset({"mac"}),
    requests=requests,
    script=script,
    parse=parse,
)
