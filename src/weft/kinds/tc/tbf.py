"""A token bucket, here to take frames apart that are larger than its burst. Source: tc-tbf(8), net/sched/sch_tbf.c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Self

from weft.kinds.tc.buckets import burst_held, burst_of, rate_held, ticks_of
from weft.kinds.tc.pfifo import Pfifo
from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_rate import TbfOptions, read_tbf_options, tbf_options

_MOST_US = (2**32 - 1) // 1000
"""The kernel keeps the time of a burst in ns, in 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tbf(Qdisc):
    """Rate in bit/s, sizes in bytes. `limit_bytes` is for the queue that it has by itself, until it gets another one.
    A change of it in place gives a fifo below it so many packets, so that one is said again. Source:
    net/sched/sch_tbf.c tbf_change, fifo_set_limit."""

    rate_bps: int
    burst_bytes: int
    limit_bytes: int

    def held(self) -> Self:
        rate_bps = rate_held(self.rate_bps)
        return replace(self, rate_bps=rate_bps, burst_bytes=burst_held(self.burst_bytes, rate_bps, _MOST_US))


def _options(tbf: Tbf) -> bytes:
    ticks = ticks_of(tbf.burst_bytes, tbf.rate_bps, _MOST_US)
    return tbf_options(TbfOptions(tbf.rate_bps // 8, ticks, tbf.limit_bytes))


def _words(tbf: Tbf) -> Iterator[str]:
    """Of the burst what is filled in whole microseconds: here the kernel itself reckons the time from the size."""
    time_us = tbf.burst_bytes * 8 * 10**6 // tbf.rate_bps
    burst_bytes = time_us * tbf.rate_bps // (8 * 10**6)
    yield from ("rate", f"{tbf.rate_bps}bit", "burst", f"{burst_bytes}b", "limit", f"{tbf.limit_bytes}b")


def _fields(options: bytes) -> Mapping[str, Any]:
    found = read_tbf_options(options)
    rate_bps = found.rate * 8
    return {"rate_bps": rate_bps, "burst_bytes": burst_of(found.buffer, rate_bps), "limit_bytes": found.limit}


ROW = row(
    Tbf,
    "tbf",
    options=_options,
    words=_words,
    fields=_fields,
    in_place=("rate_bps", "burst_bytes", "limit_bytes"),
    unsettles=lambda dependent: isinstance(dependent, Pfifo),
)
