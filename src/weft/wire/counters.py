"""What links have carried: a dump of all links of a namespace with nothing but names, carriers and counters read.

Source: linux/if_link.h struct rtnl_link_stats64, rtnetlink(7).
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.codec import Table, as_text, as_u8, read
from weft.wire.link import IFINFO_SIZE, IFLA_IFNAME, RTM_GETLINK, link_header

IFLA_STATS64, IFLA_CARRIER = 23, 33

_COUNTERS = Struct("=8Q")


class Counters(NamedTuple):
    """As the link itself counts: what it received and what it sent, since it was made."""

    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0


class CountersMessage(NamedTuple):
    """`carrier`: whether there is something at the link's other side; a link that is down has none."""

    ifname: str
    carrier: bool
    counters: Counters


def _as_counters(buffer: bytes, at: int, end: int) -> Counters:
    return Counters(*_COUNTERS.unpack_from(buffer, at))


_TABLE: Table = {IFLA_IFNAME: as_text, IFLA_STATS64: _as_counters, IFLA_CARRIER: as_u8}


def get_counters() -> tuple[int, bytes]:
    """Type and body of the dump."""
    return RTM_GETLINK, link_header()


def read_counters(buffer: bytes, at: int, end: int) -> CountersMessage:
    found = read(buffer, at + IFINFO_SIZE, end, _TABLE)
    return CountersMessage(found[IFLA_IFNAME], bool(found.get(IFLA_CARRIER)), found.get(IFLA_STATS64, Counters()))
