"""What qdiscs and classes have counted. Bytes and packets since they were made, delays in microseconds.

Source: linux/gen_stats.h, linux/pkt_sched.h tc_htb_xstats, tc_fq_codel_xstats; net/core/gen_stats.c.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.codec import Table, as_bytes, as_table, as_text, read
from weft.wire.link import IFINFO_SIZE, IFLA_IFNAME, RTM_GETLINK, link_header
from weft.wire.tc import TCA_KIND, TCA_OPTIONS, TCMSG_SIZE, read_header

_TCA_STATS2 = 7
_BASIC, _QUEUE, _APP, _PACKETS64 = 1, 3, 4, 8

_IFINFO = Struct("=BxHi")
"""ifinfomsg, as far as it says which link."""
_LINK: Table = {IFLA_IFNAME: as_text}
_BASIC_STATS = Struct("=QI")
_QUEUE_STATS = Struct("=5I")
"""gnet_stats_queue: packets and bytes that wait, drops, requeues, overlimits."""
_U64 = Struct("=Q")
_HTB = Struct("=II")
"""tc_htb_xstats: lends, borrows, in packets."""
_FQ_CODEL_FLOW = Struct("=IiI")
"""tc_fq_codel_xstats of a flow: which of the two, deficit, delay of the last packet in us."""
_OF_A_FLOW = 1


class Counted(NamedTuple):
    """A qdisc or a class. `borrowed`: packets of an HTB class that went beyond its rate. `delay_us`: how long the last
    packet of an fq_codel flow waited, None of anything else. `options`: for whoever knows the kind."""

    ifindex: int
    handle: int
    parent: int
    kind: str
    size_bytes: int = 0
    packets: int = 0
    waiting_packets: int = 0
    waiting_bytes: int = 0
    drops: int = 0
    overlimits: int = 0
    borrowed: int = 0
    delay_us: int | None = None
    options: bytes = b""


def _as_u64(buffer: bytes, at: int, end: int) -> int:
    return int(_U64.unpack_from(buffer, at)[0])


_STATS: Table = {_BASIC: as_bytes, _QUEUE: as_bytes, _APP: as_bytes, _PACKETS64: _as_u64}
_TABLE: Table = {TCA_KIND: as_text, TCA_OPTIONS: as_bytes, _TCA_STATS2: as_table(_STATS)}


def get_names() -> tuple[int, bytes]:
    """Type and body of a dump of all links, for their names."""
    return RTM_GETLINK, link_header()


def read_name(buffer: bytes, at: int, end: int) -> tuple[int, str]:
    """(index, name)"""
    return int(_IFINFO.unpack_from(buffer, at)[2]), read(buffer, at + IFINFO_SIZE, end, _LINK)[IFLA_IFNAME]


def read_counted(buffer: bytes, at: int, end: int) -> Counted:
    ifindex, handle, parent, _ = read_header(buffer, at)
    found = read(buffer, at + TCMSG_SIZE, end, _TABLE)
    stats = found.get(_TCA_STATS2, {})
    kind, app = found.get(TCA_KIND, ""), stats.get(_APP, b"")
    size, packets = _BASIC_STATS.unpack_from(stats[_BASIC]) if _BASIC in stats else (0, 0)
    waiting = _QUEUE_STATS.unpack_from(stats[_QUEUE]) if _QUEUE in stats else (0, 0, 0, 0, 0)
    return Counted(
        ifindex=ifindex,
        handle=handle,
        parent=parent,
        kind=kind,
        size_bytes=size,
        packets=stats.get(_PACKETS64, packets),
        waiting_packets=waiting[0],
        waiting_bytes=waiting[1],
        drops=waiting[2],
        overlimits=waiting[4],
        borrowed=_HTB.unpack_from(app)[1] if kind == "htb" and len(app) >= _HTB.size else 0,
        delay_us=_delay_us(app) if kind == "fq_codel" else None,
        options=found.get(TCA_OPTIONS, b""),
    )


def _delay_us(app: bytes) -> int | None:
    if len(app) < _FQ_CODEL_FLOW.size:
        return None
    which, _, delay_us = _FQ_CODEL_FLOW.unpack_from(app)
    return int(delay_us) if which == _OF_A_FLOW else None
