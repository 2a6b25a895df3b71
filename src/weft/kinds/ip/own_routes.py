"""The routes that the kernel makes of an address by itself, and whether they are there.

Rules: an address is local by a route, and its network is on the link by another. Neither is missed of a link that is
down, nor of an address that is not sure to be nobody else's yet; no network's is where the kernel makes none. The local
one of IPv6 is not asked for: the kernel makes it a while after the address, and nothing tells whether it still will.
That of a second address in a network is the first one's: both are given anew then, so that the first is first again.
Source: net/ipv4/fib_frontend.c fib_add_ifaddr, net/ipv6/addrconf.c inet6_addr_add, addrconf_dad_start.
"""

from __future__ import annotations

from collections.abc import Collection

from weft.wire.address_text import AF_INET, ip_bytes, ip_text
from weft.wire.ifaddr import (
    IFA_F_DADFAILED,
    IFA_F_NOPREFIXROUTE,
    IFA_F_TENTATIVE,
    IFA_FLAGS,
    AddressMessage,
)
from weft.wire.link import IFF_UP, LOOPBACK_INDEX
from weft.wire.route import OwnRoute


def are_there(seen: AddressMessage, link_flags: int, own: Collection[OwnRoute]) -> bool:
    """`own`: all of the namespace's."""
    is_ipv4 = seen.family == AF_INET
    flags = seen.attributes.get(IFA_FLAGS, seen.flags)
    is_unsure = not is_ipv4 and flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)
    if not link_flags & IFF_UP or seen.ifindex == LOOPBACK_INDEX or is_unsure:
        return True
    bits = 32 if is_ipv4 else 128
    if is_ipv4 and OwnRoute(seen.family, bits, True, seen.address, seen.ifindex) not in own:
        return False
    if flags & IFA_F_NOPREFIXROUTE or seen.prefix_length in (0, bits) or _is_to_peer(seen):
        return True
    return OwnRoute(seen.family, seen.prefix_length, False, _network(seen), seen.ifindex) in own


def _is_to_peer(seen: AddressMessage) -> bool:
    """What is on the link then is the peer."""
    return seen.peer != seen.address


def _network(seen: AddressMessage) -> str:
    raw = ip_bytes(seen.address)
    left = len(raw) * 8 - seen.prefix_length
    return ip_text((int.from_bytes(raw, "big") >> left << left).to_bytes(len(raw), "big"))
