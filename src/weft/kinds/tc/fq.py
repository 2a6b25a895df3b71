"""A queue for each flow, for senders that pace themselves. Source: tc-fq(8), net/sched/sch_fq.c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_queue import (
    TCA_FQ_FLOW_PLIMIT,
    TCA_FQ_INITIAL_QUANTUM,
    TCA_FQ_PLIMIT,
    TCA_FQ_QUANTUM,
    numbers,
    read_numbers,
)

LEAST_QUANTUM_BYTES = 256
"""Newer kernels raise a smaller one to it. Source: net/sched/sch_fq.c fq_change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fq(Qdisc):
    limit_packets: int
    flow_limit_packets: int
    quantum_bytes: int
    initial_quantum_bytes: int

    def held(self) -> Self:
        return replace(self, quantum_bytes=max(self.quantum_bytes, LEAST_QUANTUM_BYTES))


_FIELDS = {
    "limit_packets": TCA_FQ_PLIMIT,
    "flow_limit_packets": TCA_FQ_FLOW_PLIMIT,
    "quantum_bytes": TCA_FQ_QUANTUM,
    "initial_quantum_bytes": TCA_FQ_INITIAL_QUANTUM,
}


def _words(fq: Fq) -> Iterator[str | int]:
    yield from ("limit", fq.limit_packets, "flow_limit", fq.flow_limit_packets)
    yield from ("quantum", fq.quantum_bytes, "initial_quantum", fq.initial_quantum_bytes)


def _fields(options: bytes) -> dict[str, int]:
    found = read_numbers(options)
    return {name: found[kind] for name, kind in _FIELDS.items()}


ROW = row(
    Fq,
    "fq",
    options=lambda fq: numbers({kind: getattr(fq, name) for name, kind in _FIELDS.items()}),
    words=_words,
    fields=_fields,
    in_place=_FIELDS,
)
