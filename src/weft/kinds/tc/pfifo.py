"""A queue without any order but that of arrival. Source: tc-pfifo(8), net/sched/sch_fifo.c."""

from __future__ import annotations

from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_queue import fifo_options, read_fifo_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pfifo(Qdisc):
    limit_packets: int


ROW = row(
    Pfifo,
    "pfifo",
    options=lambda pfifo: fifo_options(pfifo.limit_packets),
    words=lambda pfifo: ("limit", pfifo.limit_packets),
    fields=lambda options: {"limit_packets": read_fifo_limit(options)},
    in_place=("limit_packets",),
)
