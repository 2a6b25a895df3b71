"""Addresses of links (RTM_*ADDR). Source: rtnetlink(7), linux/if_addr.h."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.address_text import AF_UNSPEC, as_ip
from weft.wire.codec import Attributes, Table, as_u8, as_u32, read

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS, IFA_PROTO = 1, 2, 8, 11
IFA_F_NODAD, IFA_F_DEPRECATED, IFA_F_PERMANENT = 0x02, 0x20, 0x80
IFA_F_DADFAILED, IFA_F_TENTATIVE, IFA_F_NOPREFIXROUTE = 0x08, 0x40, 0x200
IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL = 1, 2, 3
SCOPE_UNIVERSE, SCOPE_HOST = 0, 254

_IFADDR = Struct("=BBBBI")
"""ifaddrmsg: family, prefix length, flags, scope, index of the link."""
_read_ifaddr = _IFADDR.unpack_from
IFADDR_SIZE = _IFADDR.size

ADDRESS: Table = {IFA_ADDRESS: as_ip, IFA_LOCAL: as_ip, IFA_FLAGS: as_u32, IFA_PROTO: as_u8}


class AddressMessage(NamedTuple):
    family: int
    prefix_length: int
    flags: int
    ifindex: int
    attributes: Attributes

    @property
    def address(self) -> str:
        """The link's own; IFA_ADDRESS is the peer's where there are both."""
        return str(self.attributes.get(IFA_LOCAL) or self.attributes[IFA_ADDRESS])

    @property
    def peer(self) -> str:
        """The link's own where it has none."""
        return str(self.attributes.get(IFA_ADDRESS) or self.address)


def read_address(buffer: bytes, at: int, end: int) -> AddressMessage:
    family, length, flags, _, index = _read_ifaddr(buffer, at)
    return AddressMessage(family, length, flags, index, read(buffer, at + IFADDR_SIZE, end, ADDRESS))


def read_permanent_address(buffer: bytes, at: int, end: int) -> AddressMessage | None:
    """None for what comes and goes by itself: with a lifetime or deprecated."""
    if buffer[at + 2] & (IFA_F_PERMANENT | IFA_F_DEPRECATED) != IFA_F_PERMANENT:
        return None
    return read_address(buffer, at, end)


def address_header(family: int, prefix_length: int = 0, scope: int = SCOPE_UNIVERSE, index: int = 0) -> bytes:
    return _IFADDR.pack(family, prefix_length, 0, scope, index)


def get_addresses(family: int = AF_UNSPEC, index: int = 0) -> tuple[int, bytes]:
    """Type and body of a dump; with an index, of that link only."""
    return RTM_GETADDR, address_header(family, index=index)
