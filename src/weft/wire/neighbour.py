"""Neighbours (RTM_*NEIGH). Source: rtnetlink(7), linux/neighbour.h."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.address_text import AF_BRIDGE, AF_UNSPEC, as_ip, as_mac, ip_bytes
from weft.wire.codec import Attributes, Table, as_u8, as_u32, attribute, message, read, u32

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
NDA_DST, NDA_LLADDR, NDA_IFINDEX, NDA_PROTOCOL = 1, 2, 8, 12
NUD_PERMANENT = 0x80
NTF_PROXY = 0x08

_NDMSG = Struct("=B3xiHBB")
"""ndmsg: family, index of the link, state, flags, type."""
_read_ndmsg = _NDMSG.unpack_from
NDMSG_SIZE = _NDMSG.size

NEIGHBOUR: Table = {NDA_DST: as_ip, NDA_LLADDR: as_mac, NDA_IFINDEX: as_u32, NDA_PROTOCOL: as_u8}


class NeighbourMessage(NamedTuple):
    family: int
    ifindex: int
    state: int
    flags: int
    attributes: Attributes

    @property
    def proxy(self) -> bool:
        return bool(self.flags & NTF_PROXY)


def read_neighbour(buffer: bytes, at: int, end: int) -> NeighbourMessage:
    family, index, state, flags, _ = _read_ndmsg(buffer, at)
    return NeighbourMessage(family, index, state, flags, read(buffer, at + NDMSG_SIZE, end, NEIGHBOUR))


def read_static_neighbour(buffer: bytes, at: int, end: int) -> NeighbourMessage | None:
    """None for what was learned."""
    _, _, state, flags, _ = _read_ndmsg(buffer, at)
    return read_neighbour(buffer, at, end) if state & NUD_PERMANENT or flags & NTF_PROXY else None


def neighbour_header(family: int, index: int = 0, *, state: int = 0, proxy: bool = False) -> bytes:
    return _NDMSG.pack(family, index, state, NTF_PROXY if proxy else 0, 0)


def read_header(buffer: bytes, at: int) -> tuple[int, int, int]:
    """Index of the link, state, flags."""
    _, index, state, flags, _ = _read_ndmsg(buffer, at)
    return index, state, flags


def entry_header(index: int = 0, state: int = 0, flags: int = 0) -> bytes:
    """Of an entry of a forwarding table."""
    return _NDMSG.pack(AF_BRIDGE, index, state, flags, 0)


def delete_neighbour(seen: NeighbourMessage) -> bytes:
    """Forgets an entry that was read."""
    address = attribute(NDA_DST, ip_bytes(seen.attributes[NDA_DST]))
    return message(RTM_DELNEIGH, 0, neighbour_header(seen.family, seen.ifindex), address)


def get_neighbours(family: int = AF_UNSPEC, *, index: int = 0, proxy: bool = False) -> tuple[int, bytes]:
    """Type and body of a dump, of the proxy entries or of all others; with an index, of that link only."""
    by_link = u32(NDA_IFINDEX, index) if index else b""
    return RTM_GETNEIGH, neighbour_header(family, proxy=proxy) + by_link
