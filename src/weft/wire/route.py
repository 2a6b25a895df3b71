"""Routes (RTM_*ROUTE). Source: rtnetlink(7), linux/rtnetlink.h."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.address_text import AF_UNSPEC, as_ip
from weft.wire.codec import Attributes, Malformed, Table, as_table, as_u32, read, u32

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS = 1, 4, 5, 6, 7, 8
RTA_MULTIPATH, RTA_TABLE, RTA_VIA = 9, 15, 18
RTAX_MTU, RTAX_ADVMSS, RTAX_INITCWND, RTAX_INITRWND = 2, 8, 11, 14
RTNH_F_ONLINK = 4
RTM_F_CLONED = 0x200
RT_TABLE_UNSPEC, RT_TABLE_MAIN, RT_TABLE_LOCAL = 0, 254, 255
RTPROT_UNSPEC, RTPROT_REDIRECT, RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC, RTPROT_RA = 0, 1, 2, 3, 4, 9
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
TYPES = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast", 6: "blackhole", 7: "unreachable",
         8: "prohibit", 9: "throw", 10: "nat"}  # fmt: skip

_RTMSG = Struct("=BBBBBBBBI")
"""rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags."""
_read_rtmsg = _RTMSG.unpack_from
RTMSG_SIZE = _RTMSG.size

_NEXT_HOP = Struct("=HBBi")
"""rtnexthop: length, flags, hops, index of the link."""


def _as_via(buffer: bytes, at: int, end: int) -> str:
    """RTA_VIA: a family of two bytes, then the address."""
    return as_ip(buffer, at + 2, end)


class HopMessage(NamedTuple):
    """One of several next hops. `via` of either family, "" for none; `weight` from 1 on."""

    ifindex: int
    via: str
    weight: int
    flags: int


def _as_hops(buffer: bytes, at: int, end: int) -> tuple[HopMessage, ...]:
    found: list[HopMessage] = []
    while at + _NEXT_HOP.size <= end:
        length, flags, hops, index = _NEXT_HOP.unpack_from(buffer, at)
        if length < _NEXT_HOP.size or at + length > end:
            raise Malformed(f"a next hop of {length} bytes at {at} of {end}")
        said = read(buffer, at + _NEXT_HOP.size, at + length, _HOP)
        found.append(HopMessage(index, said.get(RTA_GATEWAY) or said.get(RTA_VIA, ""), hops + 1, flags))
        at += (length + 3) & ~3
    return tuple(found)


def next_hop(index: int, via: bytes, *, weight: int, onlink: bool) -> bytes:
    """A part of RTA_MULTIPATH; `via` is its attribute, or empty."""
    flags = RTNH_F_ONLINK if onlink else 0
    return _NEXT_HOP.pack(_NEXT_HOP.size + len(via), flags, weight - 1, index) + via


_HOP: Table = {RTA_GATEWAY: as_ip, RTA_VIA: _as_via}
_METRICS: Table = dict.fromkeys((RTAX_MTU, RTAX_ADVMSS, RTAX_INITCWND, RTAX_INITRWND), as_u32)
ROUTE: Table = {
    **_HOP,
    RTA_DST: as_ip,
    RTA_OIF: as_u32,
    RTA_PRIORITY: as_u32,
    RTA_PREFSRC: as_ip,
    RTA_TABLE: as_u32,
    RTA_METRICS: as_table(_METRICS),
    RTA_MULTIPATH: _as_hops,
}


class RouteMessage(NamedTuple):
    """`scope` and `type` are numbers of SCOPES and TYPES."""

    family: int
    prefix_length: int
    table: int
    protocol: int
    scope: int
    type: int
    flags: int
    attributes: Attributes

    @property
    def hops(self) -> tuple[HopMessage, ...]:
        """Its next hops where there are several."""
        found: tuple[HopMessage, ...] = self.attributes.get(RTA_MULTIPATH, ())
        return found

    @property
    def links(self) -> set[int]:
        """Indexes of the links that it leads to."""
        single = {self.attributes[RTA_OIF]} if RTA_OIF in self.attributes else set()
        return single.union(hop.ifindex for hop in self.hops)


class OwnRoute(NamedTuple):
    """One that the kernel makes of an address: to itself (`is_local`), or to its network."""

    family: int
    prefix_length: int
    is_local: bool
    dst: str
    ifindex: int


_OWN: Table = {RTA_DST: as_ip, RTA_OIF: as_u32}
_UNICAST, _LOCAL = 1, 2


def read_route(buffer: bytes, at: int, end: int) -> RouteMessage:
    family, length, _, _, table, protocol, scope, kind, flags = _read_rtmsg(buffer, at)
    attributes = read(buffer, at + RTMSG_SIZE, end, ROUTE)
    return RouteMessage(family, length, attributes.get(RTA_TABLE, table), protocol, scope, kind, flags, attributes)


def read_lasting_route(buffer: bytes, at: int, end: int) -> RouteMessage | None:
    """None for what the kernel makes by itself: connected and local routes, redirects, cached exceptions."""
    if buffer[at + 5] in (RTPROT_KERNEL, RTPROT_REDIRECT) or buffer[at + 4] == RT_TABLE_LOCAL:
        return None
    found = read_route(buffer, at, end)
    return None if found.flags & RTM_F_CLONED else found


def read_own_route(buffer: bytes, at: int, end: int) -> OwnRoute | None:
    """None for all others."""
    kind = buffer[at + 7]
    if buffer[at + 5] != RTPROT_KERNEL or kind not in (_UNICAST, _LOCAL):
        return None
    found = read(buffer, at + RTMSG_SIZE, end, _OWN)
    return OwnRoute(buffer[at], buffer[at + 1], kind == _LOCAL, found.get(RTA_DST, ""), found.get(RTA_OIF, 0))


def read_any_route(buffer: bytes, at: int, end: int) -> RouteMessage | OwnRoute | None:
    """One that lasts, or one that the kernel makes of an address."""
    return read_own_route(buffer, at, end) or read_lasting_route(buffer, at, end)


def route_header(
    family: int, prefix_length: int, *, protocol: int = 0, scope: int = 0, kind: int = 0, onlink: bool = False
) -> bytes:
    """The table goes into RTA_TABLE, which takes 32 bits."""
    flags = RTNH_F_ONLINK if onlink else 0
    return _RTMSG.pack(family, prefix_length, 0, 0, RT_TABLE_UNSPEC, protocol, scope, kind, flags)


def get_routes(family: int = AF_UNSPEC, *, table: int = 0, index: int = 0) -> tuple[int, bytes]:
    """Type and body of a dump; with a table or an index, of that table or through that link only."""
    by_table = u32(RTA_TABLE, table) if table else b""
    by_link = u32(RTA_OIF, index) if index else b""
    return RTM_GETROUTE, route_header(family, 0) + by_table + by_link
