"""What tells a link that an address is at a MAC now: gratuitous ARP, unsolicited neighbour advertisements.

Source: RFC 826, RFC 5227 section 3 (announcements), RFC 4861 sections 4.4 and 7.2.6, linux/if_ether.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from weft.wire.address_text import ip_bytes

ALL_NODES = "ff02::1"
HOPS = 255
"""Of whatever speaks of neighbours: it has passed no router."""
ARPHRD_ETHER = 1

_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETH_P_ARP, _ETH_P_IP = 0x0806, 0x0800
_REQUEST, _REPLY = 1, 2
_EVERYBODY, _NOBODY = b"\xff" * 6, b"\0" * 6

_ADVERTISEMENT = struct.Struct("!BBHI16sBB6s")
_TYPE, _FROM_ROUTER, _OVERRIDE, _TARGET_MAC = 136, 1 << 31, 1 << 29, 2


def gratuitous_arps(address: str, mac: bytes) -> Iterator[bytes]:
    """Frames by which everybody learns of an IPv4 address: a request and a reply, for some take notice of one alone."""
    own = ip_bytes(address)
    for operation, target in ((_REQUEST, _NOBODY), (_REPLY, mac)):
        arp = _ARP.pack(ARPHRD_ETHER, _ETH_P_IP, 6, 4, operation, mac, own, target, own)
        yield _ETHERNET.pack(_EVERYBODY, mac, _ETH_P_ARP) + arp


def unsolicited_advertisement(address: str, mac: bytes) -> bytes:
    """The ICMPv6 message by which everybody learns of an IPv6 address. The checksum is the kernel's to fill in. It
    overrides what was learned before: whoever had the address has it no more."""
    flags = _FROM_ROUTER | _OVERRIDE
    return _ADVERTISEMENT.pack(_TYPE, 0, 0, flags, ip_bytes(address), _TARGET_MAC, 1, mac)
