"""Fair queues, each kept short. Source: tc-fq_codel(8), net/sched/sch_fq_codel.c, RFC 8290."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Self

from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_queue import (
    TCA_FQ_CODEL_ECN,
    TCA_FQ_CODEL_FLOWS,
    TCA_FQ_CODEL_INTERVAL,
    TCA_FQ_CODEL_LIMIT,
    TCA_FQ_CODEL_MEMORY_LIMIT,
    TCA_FQ_CODEL_QUANTUM,
    TCA_FQ_CODEL_TARGET,
    codel_time_held,
    codel_time_us,
    numbers,
    read_numbers,
)

_LEAST_QUANTUM_BYTES = 256
_MOST_MEMORY_BYTES = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class FqCodel(Qdisc):
    """The number of `flows` is for its whole life."""

    limit_packets: int
    target_us: int
    interval_us: int
    quantum_bytes: int
    flows: int = 1024
    ecn: bool = True
    memory_limit_bytes: int = 32 * 2**20

    def held(self) -> Self:
        target_us, interval_us = codel_time_held(self.target_us), codel_time_held(self.interval_us)
        quantum = max(self.quantum_bytes, _LEAST_QUANTUM_BYTES)
        memory = min(self.memory_limit_bytes, _MOST_MEMORY_BYTES)
        said = self.target_us, self.interval_us, self.quantum_bytes, self.memory_limit_bytes
        if said == (target_us, interval_us, quantum, memory):
            return self  # as most are: there are thousands
        return replace(
            self, target_us=target_us, interval_us=interval_us, quantum_bytes=quantum, memory_limit_bytes=memory
        )


def _options(held: FqCodel) -> bytes:
    return numbers(
        {
            TCA_FQ_CODEL_TARGET: held.target_us,
            TCA_FQ_CODEL_LIMIT: held.limit_packets,
            TCA_FQ_CODEL_INTERVAL: held.interval_us,
            TCA_FQ_CODEL_ECN: int(held.ecn),
            TCA_FQ_CODEL_QUANTUM: held.quantum_bytes,
            TCA_FQ_CODEL_MEMORY_LIMIT: held.memory_limit_bytes,
        }
    )


def _words(held: FqCodel) -> Iterator[str | int]:
    yield from ("limit", held.limit_packets, "quantum", held.quantum_bytes)
    yield from ("target", f"{held.target_us}us", "interval", f"{held.interval_us}us")
    yield from ("memory_limit", f"{held.memory_limit_bytes}b", "ecn" if held.ecn else "noecn")


def _fields(options: bytes) -> Mapping[str, Any]:
    found = read_numbers(options)
    return {
        "limit_packets": found[TCA_FQ_CODEL_LIMIT],
        "target_us": codel_time_us(found[TCA_FQ_CODEL_TARGET]),
        "interval_us": codel_time_us(found[TCA_FQ_CODEL_INTERVAL]),
        "quantum_bytes": found[TCA_FQ_CODEL_QUANTUM],
        "flows": found[TCA_FQ_CODEL_FLOWS],
        "ecn": bool(found[TCA_FQ_CODEL_ECN]),
        "memory_limit_bytes": found[TCA_FQ_CODEL_MEMORY_LIMIT],
    }


ROW = row(
    FqCodel,
    "fq_codel",
    options=_options,
    words=_words,
    fields=_fields,
    at_birth=lambda held: (numbers({TCA_FQ_CODEL_FLOWS: held.flows}), ("flows", held.flows)),
    in_place=("limit_packets", "target_us", "interval_us", "quantum_bytes", "ecn", "memory_limit_bytes"),
)
