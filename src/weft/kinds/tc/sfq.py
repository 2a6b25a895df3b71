"""Fair queues of a fixed number. The kernel changes none in place. Source: tc-sfq(8), net/sched/sch_sfq.c."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_queue import SFQ_DEPTH, SFQ_FLOWS, read_sfq_options, sfq_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Sfq(Qdisc):
    """`perturb_s`: how often flows are dealt out anew, 0 for never."""

    limit_packets: int
    quantum_bytes: int
    perturb_s: int = 10

    def held(self) -> Self:
        return replace(self, limit_packets=min(max(self.limit_packets, 2), SFQ_DEPTH * SFQ_FLOWS))


def _fields(options: bytes) -> dict[str, int]:
    quantum, perturb_s, limit = read_sfq_options(options)
    return {"quantum_bytes": quantum, "perturb_s": perturb_s, "limit_packets": limit}


ROW = row(
    Sfq,
    "sfq",
    options=lambda sfq: sfq_options(sfq.quantum_bytes, sfq.perturb_s, sfq.limit_packets),
    words=lambda sfq: ("limit", sfq.limit_packets, "quantum", sfq.quantum_bytes, "perturb", sfq.perturb_s),
    fields=_fields,
)
