"""nfnetlink: what every message of netfilter's parts has behind netlink's header. Source: linux/netfilter/nfnetlink.h.

Rules: imports next to nothing, for the recorder stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

from weft.wire.codec import message

NETLINK_NETFILTER = 12
CTNETLINK, ULOG, NFTABLES = 1, 4, 10
"""NFNL_SUBSYS_*: the part that a message is of."""

NFPROTO: Mapping[str, int] = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
"""Families by nft's words."""
_WORDS = {number: word for word, number in NFPROTO.items()}

_HEADER = Struct(">BBH")
"""nfgenmsg: family, version, resource."""
GENERATION_SIZE = _HEADER.size


def kind_of(part: int, number: int) -> int:
    """The type of a message of one part."""
    return part << 8 | number


def request(
    part: int, number: int, flags: int, *attributes: bytes, family: int = 0, resource: int = 0, sequence: int = 0
) -> bytes:
    """A whole message."""
    return message(kind_of(part, number), flags, _HEADER.pack(family, 0, resource), *attributes, sequence=sequence)


def family_at(buffer: bytes, at: int) -> str:
    """nft's word for the family of the message whose payload begins there, its number where it has none."""
    return _WORDS.get(buffer[at], str(buffer[at]))
