"""Entries of forwarding tables: a bridge's, and those that VXLANs have of their own (RTM_*NEIGH of AF_BRIDGE).

Rules: what was learned, from traffic or by a routing daemon (NTF_EXT_LEARNED), is left out, and so are the filters of
network cards, which come in the same dump. Source: linux/neighbour.h, net/core/rtnetlink.c rtnl_fdb_dump, bridge(8).
"""

from __future__ import annotations

from typing import NamedTuple

from weft.wire.address_text import as_ip, as_mac, ip_bytes, mac_bytes
from weft.wire.codec import Attributes, Table, as_be16, as_u16, as_u32, attribute, be16, message, read, u16, u32
from weft.wire.neighbour import NDA_DST, NDA_LLADDR, NDMSG_SIZE, RTM_GETNEIGH, entry_header, read_header

NDA_VLAN, NDA_PORT, NDA_VNI, NDA_MASTER = 5, 6, 7, 9
NUD_NOARP, NUD_PERMANENT = 0x40, 0x80
NTF_SELF, NTF_MASTER, NTF_EXT_LEARNED = 0x02, 0x04, 0x10

_FDB: Table = {
    NDA_DST: as_ip,
    NDA_LLADDR: as_mac,
    NDA_VLAN: as_u16,
    NDA_PORT: as_be16,
    NDA_VNI: as_u32,
    NDA_MASTER: as_u32,
}


class FdbMessage(NamedTuple):
    """An entry of the link `ifindex`; in a bridge's table where `master` is that bridge's index, else in its own."""

    ifindex: int
    state: int
    attributes: Attributes

    @property
    def mac(self) -> str:
        return str(self.attributes[NDA_LLADDR])

    @property
    def master(self) -> int:
        return int(self.attributes.get(NDA_MASTER, 0))

    @property
    def vid(self) -> int:
        return int(self.attributes.get(NDA_VLAN, 0))

    @property
    def local(self) -> bool:
        """Whether a bridge takes what is sent to the address for itself."""
        return bool(self.state & NUD_PERMANENT)


def read_static_entry(buffer: bytes, at: int, end: int) -> FdbMessage | None:
    """None for what was learned, and for what is no entry of a table."""
    index, state, flags = read_header(buffer, at)
    if not state & (NUD_PERMANENT | NUD_NOARP) or flags & NTF_EXT_LEARNED:
        return None
    found = read(buffer, at + NDMSG_SIZE, end, _FDB)
    return FdbMessage(index, state, found) if NDA_MASTER in found or NDA_DST in found else None


def get_entries(index: int = 0) -> tuple[int, bytes]:
    """Type and body of a dump of all tables, or of one link's entries."""
    return RTM_GETNEIGH, entry_header(index)


class Entry(NamedTuple):
    """What is said of an entry. `port` 0 and `vni` None: those of the link; `vid` 0: none."""

    state: int
    flags: int
    dst: str = ""
    port: int = 0
    vni: int | None = None
    vid: int = 0


def change_entry(kind: int, flags: int, index: int, mac: str, entry: Entry) -> bytes:
    """RTM_NEWNEIGH or RTM_DELNEIGH of one entry."""
    said = [entry_header(index, entry.state, entry.flags), attribute(NDA_LLADDR, mac_bytes(mac))]
    if entry.dst:
        said.append(attribute(NDA_DST, ip_bytes(entry.dst)))
    if entry.port:
        said.append(be16(NDA_PORT, entry.port))
    if entry.vni is not None:
        said.append(u32(NDA_VNI, entry.vni))
    if entry.vid:
        said.append(u16(NDA_VLAN, entry.vid))
    return message(kind, flags, *said)
