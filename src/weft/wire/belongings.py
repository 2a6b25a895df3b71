"""Addresses, routes and lasting neighbours of a link as messages that can be sent again: all that the kernel told of
each, but for what it counts itself (ages, states).

Rules: the link is left out, whoever sends one fills it in. What cannot be sent again, because somebody renews it or the
kernel made it of something else, has a `bar`. Source: rtnetlink(7), linux/if_addr.h, linux/rtnetlink.h,
linux/neighbour.h.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.address_text import AF_INET6
from weft.wire.codec import attribute, u32, walk
from weft.wire.ifaddr import (
    IFA_ADDRESS,
    IFA_F_NODAD,
    IFA_F_PERMANENT,
    IFA_FLAGS,
    IFA_LOCAL,
    IFA_PROTO,
    IFADDR_SIZE,
    IFAPROT_KERNEL_RA,
    RTM_DELADDR,
    RTM_NEWADDR,
    AddressMessage,
    address_header,
    read_address,
)
from weft.wire.neighbour import (
    NDA_DST,
    NDA_LLADDR,
    NDA_PROTOCOL,
    NDMSG_SIZE,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
    NeighbourMessage,
    neighbour_header,
    read_neighbour,
    read_static_neighbour,
)
from weft.wire.route import (
    RT_TABLE_LOCAL,
    RTA_DST,
    RTA_GATEWAY,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_OIF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_TABLE,
    RTA_VIA,
    RTM_DELROUTE,
    RTM_F_CLONED,
    RTM_NEWROUTE,
    RTMSG_SIZE,
    RTNH_F_ONLINK,
    RTPROT_KERNEL,
    RTPROT_RA,
    RTPROT_REDIRECT,
    RouteMessage,
    read_route,
)

_IFA_CACHEINFO = 6
_IFA_F_NOPREFIXROUTE = 0x200
_SAID = {False: 0x600, True: 0x712}
"""By whether it is IPv6, the flags of an address that somebody has set. Source: linux/if_addr.h IFA_F_*."""

_RTA_CACHEINFO, _RTA_PREF = 12, 20
_KNOWN = frozenset(
    {RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS, RTA_TABLE, RTA_VIA, _RTA_CACHEINFO}
) | {_RTA_PREF}
_COUNTED = frozenset({_RTA_CACHEINFO, RTA_OIF})
_SAID_OF_NEIGHBOURS = frozenset({NDA_DST, NDA_LLADDR, NDA_PROTOCOL})
_DELETIONS = {RTM_NEWADDR: RTM_DELADDR, RTM_NEWROUTE: RTM_DELROUTE, RTM_NEWNEIGH: RTM_DELNEIGH}
_CACHE = Struct("=IIiI")
"""rta_cacheinfo up to `used`: the third is when the route ends."""
_INDEX = Struct("=I")
_FLAGS = Struct("=I")


class Belonging(NamedTuple):
    """`type`: RTM_NEWADDR, RTM_NEWROUTE or RTM_NEWNEIGH. `body`: header and attributes, without the link. `bar`: why
    it cannot be sent again, else ""."""

    type: int
    body: bytes
    bar: str = ""

    @property
    def is_address(self) -> bool:
        return self.type == RTM_NEWADDR

    @property
    def family(self) -> int:
        return self.body[0]

    @property
    def makes_no_route(self) -> bool:
        """Whether it is an address whose network somebody else makes the route to."""
        return self.is_address and bool(_flags(self.address) & _IFA_F_NOPREFIXROUTE)

    @property
    def address(self) -> AddressMessage:
        return read_address(self.body, 0, len(self.body))

    @property
    def route(self) -> RouteMessage:
        return read_route(self.body, 0, len(self.body))

    @property
    def is_route(self) -> bool:
        return self.type == RTM_NEWROUTE

    @property
    def neighbour(self) -> NeighbourMessage:
        return read_neighbour(self.body, 0, len(self.body))

    @property
    def is_kernels(self) -> bool:
        """Whether it is a route that comes with an address."""
        return self.is_route and self.body[5] == RTPROT_KERNEL

    def with_link(self, index: int) -> bytes:
        """The body for one link. Headers of addresses and neighbours have it in one place."""
        if self.is_route:
            return self.body + u32(RTA_OIF, index)
        return self.body[:4] + _INDEX.pack(index) + self.body[8:]

    @property
    def deletion(self) -> int:
        """The type of the message that takes it away."""
        return _DELETIONS[self.type]

    def at_once(self) -> Belonging:
        """An IPv6 address to be used without asking whether another has it."""
        flags = u32(IFA_FLAGS, _flags(self.address) | IFA_F_NODAD)
        rest = (_whole(self.body, *part) for part in walk(self.body, IFADDR_SIZE, len(self.body)))
        kept = b"".join(raw for kind, raw in rest if kind != IFA_FLAGS)
        return self._replace(body=self.body[:IFADDR_SIZE] + kept + flags)


def read_held_address(buffer: bytes, at: int, end: int) -> tuple[AddressMessage, Belonging]:
    seen = read_address(buffer, at, end)
    is_ipv6 = seen.family == AF_INET6
    said = _flags(seen) & _SAID[is_ipv6]
    parts = (_whole(buffer, *part) for part in walk(buffer, at + IFADDR_SIZE, end))
    kept = b"".join(raw for kind, raw in parts if kind not in (_IFA_CACHEINFO, IFA_FLAGS))
    header = address_header(seen.family, seen.prefix_length, buffer[at + 3])
    return seen, Belonging(RTM_NEWADDR, header + kept + u32(IFA_FLAGS, said), _bar_of_address(seen))


def _bar_of_address(seen: AddressMessage) -> str:
    name = f"{seen.address}/{seen.prefix_length}"
    if seen.attributes.get(IFA_PROTO) == IFAPROT_KERNEL_RA:
        return f"{name} comes from router advertisements"
    if not _flags(seen) & IFA_F_PERMANENT:
        return f"{name} has a lifetime, so somebody renews it there"
    peer = seen.attributes.get(IFA_ADDRESS)
    if IFA_LOCAL in seen.attributes and peer not in (None, seen.attributes[IFA_LOCAL]):
        return f"{name} has a peer, {peer}"
    return ""


def read_held_route(buffer: bytes, at: int, end: int) -> Belonging | None:
    """None for what the kernel keeps by itself: local routes, redirects, cached exceptions."""
    if buffer[at + 5] == RTPROT_REDIRECT or buffer[at + 4] == RT_TABLE_LOCAL:
        return None
    seen = read_route(buffer, at, end)
    if seen.flags & RTM_F_CLONED:
        return None
    parts = [_whole(buffer, *part) for part in walk(buffer, at + RTMSG_SIZE, end)]
    kept = b"".join(raw for kind, raw in parts if kind not in _COUNTED)
    header = buffer[at : at + RTMSG_SIZE - 4] + _FLAGS.pack(seen.flags & RTNH_F_ONLINK)
    return Belonging(RTM_NEWROUTE, header + kept, _bar_of_route(seen, buffer, at, end))


def _bar_of_route(seen: RouteMessage, buffer: bytes, at: int, end: int) -> str:
    kinds = {kind: (start, stop) for kind, start, stop in walk(buffer, at + RTMSG_SIZE, end)}
    name = f"the route to {seen.attributes.get(RTA_DST, 'default')}"
    if RTA_MULTIPATH in kinds:
        return f"{name} has several next hops"
    if buffer[at + 3] or kinds.keys() - _KNOWN:
        return f"{name} says more than weft knows of routes"
    expires = _CACHE.unpack_from(buffer, kinds[_RTA_CACHEINFO][0])[2] if _RTA_CACHEINFO in kinds else 0
    if seen.protocol == RTPROT_RA or (expires and seen.family == AF_INET6):
        return f"{name} comes from router advertisements"
    return ""


def read_held_neighbour(buffer: bytes, at: int, end: int) -> tuple[NeighbourMessage, Belonging] | None:
    """None for what was learned."""
    seen = read_static_neighbour(buffer, at, end)
    if seen is None:
        return None
    parts = (_whole(buffer, *part) for part in walk(buffer, at + NDMSG_SIZE, end))
    kept = b"".join(raw for kind, raw in parts if kind in _SAID_OF_NEIGHBOURS)
    header = neighbour_header(seen.family, state=seen.state, proxy=seen.proxy)
    return seen, Belonging(RTM_NEWNEIGH, header + kept)


def _flags(seen: AddressMessage) -> int:
    return int(seen.attributes.get(IFA_FLAGS, seen.flags))


def _whole(buffer: bytes, kind: int, start: int, stop: int) -> tuple[int, bytes]:
    """An attribute with its header, as it was, but for a nest's mark."""
    return kind, attribute(kind, bytes(buffer[start:stop]))
