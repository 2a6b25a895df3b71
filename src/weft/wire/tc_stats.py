"""What qdiscs and classes have counted. Source: linux/gen_stats.h, linux/pkt_sched.h."""

from __future__ import annotations

import sys
from struct import Struct
from typing import NamedTuple

from weft.wire.codec import Table, as_bytes, as_table, as_text, as_u64, read
from weft.wire.tc import TCA_KIND, TCA_OPTIONS, TCMSG_SIZE, read_header

_TCA_STATS2 = 7
_BASIC, _QUEUE, _APP, _PKT64 = 1, 3, 4, 8

_BASIC_STATS = Struct("=QI")
"""gnet_stats_basic: bytes, packets."""
_QUEUE_STATS = Struct("=5I")
"""gnet_stats_queue: qlen, backlog, drops, requeues, overlimits."""
_HTB_STATS = Struct("=III")
"""tc_htb_xstats: lends, borrows, giants; tokens follow."""
_FQ_CODEL_STATS = Struct("=I9I")
"""tc_fq_codel_xstats: type 0 (of the qdisc), maxpacket, drop_overlimit, ecn_mark, new_flow_count, new_flows_len,
old_flows_len, ce_mark, memory_usage, drop_overmemory."""

_FQ_CODEL_FLOW_STATS = Struct("=IiI")
"""The same of a flow: type 1, deficit, delay of the packet that left last; more follows."""

_TABLE: Table = {
    TCA_KIND: as_text,
    TCA_OPTIONS: as_bytes,
    _TCA_STATS2: as_table({_BASIC: as_bytes, _QUEUE: as_bytes, _APP: as_bytes, _PKT64: as_u64}),
}


class HtbStats(NamedTuple):
    """Packets that a class sent by its own rate, and by what it borrowed; `giants`: larger than it reckoned with."""

    lent: int
    borrowed: int
    giants: int


class FqCodelStats(NamedTuple):
    """`memory` in bytes; flows that have packets waiting: `new_flows`, `old_flows`."""

    dropped_overlimit: int
    ecn_marks: int
    new_flows: int
    old_flows: int
    memory: int
    dropped_overmemory: int


class FlowStats(NamedTuple):
    """Of a flow of fq_codel in which packets wait, which is a class to tc: how long the last one did."""

    delay_us: int


class TcStats(NamedTuple):
    """Of a qdisc, or of a class, whose `handle` is its classid. `backlog` in bytes, `waiting` in packets. `options` are
    for whoever knows the kind to read."""

    ifindex: int
    handle: int
    parent: int
    kind: str
    sent_bytes: int = 0
    sent_packets: int = 0
    waiting: int = 0
    backlog: int = 0
    drops: int = 0
    overlimits: int = 0
    more: HtbStats | FqCodelStats | FlowStats | None = None
    options: bytes = b""


def read_stats(buffer: bytes, at: int, end: int) -> TcStats:
    index, handle, parent, _ = read_header(buffer, at)
    found = read(buffer, at + TCMSG_SIZE, end, _TABLE)
    kind, stats = found.get(TCA_KIND, ""), found.get(_TCA_STATS2, {})
    sent_bytes, packets = _BASIC_STATS.unpack_from(stats.get(_BASIC, bytes(_BASIC_STATS.size)))
    waiting, backlog, drops, _, overlimits = _QUEUE_STATS.unpack_from(stats.get(_QUEUE, bytes(_QUEUE_STATS.size)))
    more = _more(kind, stats.get(_APP, b""))
    sent = stats.get(_PKT64, packets)
    options = found.get(TCA_OPTIONS, b"")
    return TcStats(index, handle, parent, kind, sent_bytes, sent, waiting, backlog, drops, overlimits, more, options)


def _more(kind: str, said: bytes) -> HtbStats | FqCodelStats | FlowStats | None:
    if kind == "htb" and len(said) >= _HTB_STATS.size:
        return HtbStats(*_HTB_STATS.unpack_from(said))
    return _fq_codel(said) if kind == "fq_codel" else None


def _fq_codel(said: bytes) -> FqCodelStats | FlowStats | None:
    of = int.from_bytes(said[:4], sys.byteorder) if len(said) >= 4 else None
    if of == 1 and len(said) >= _FQ_CODEL_FLOW_STATS.size:
        return FlowStats(_FQ_CODEL_FLOW_STATS.unpack_from(said)[2])
    if of == 0 and len(said) >= _FQ_CODEL_STATS.size:
        _, _, overlimit, marks, _, new, old, _, memory, overmemory = _FQ_CODEL_STATS.unpack_from(said)
        return FqCodelStats(overlimit, marks, new, old, memory, overmemory)
    return None
