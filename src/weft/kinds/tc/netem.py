"""What a bad line does. Source: tc-netem(8), net/sched/sch_netem.c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_queue import NetemOptions, netem_options, read_netem_options

_MILLION = 1_000_000
_WHOLE = 2**32 - 1
MOST_JITTER_US = (2**31 - 1) // 1000
"""The kernel keeps it in ns, in 31 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Netem(Qdisc):
    """Times in microseconds, shares in millionths."""

    limit_packets: int
    delay_us: int = 0
    jitter_us: int = 0
    loss_ppm: int = 0
    duplicate_ppm: int = 0
    corrupt_ppm: int = 0
    reorder_ppm: int = 0

    def held(self) -> Self:
        return replace(self, jitter_us=min(self.jitter_us, MOST_JITTER_US))


def _of_whole(share_ppm: int) -> int:
    return (share_ppm * _WHOLE + _MILLION // 2) // _MILLION


def _us(time_ns: int) -> int:
    """tc reckons with fractions, and may be a nanosecond short."""
    return (time_ns + 500) // 1000


def _ppm(share: int) -> int:
    return (share * _MILLION + _WHOLE // 2) // _WHOLE


def _options(netem: Netem) -> bytes:
    return netem_options(
        NetemOptions(
            netem.limit_packets,
            netem.delay_us * 1000,
            netem.jitter_us * 1000,
            *map(_of_whole, (netem.loss_ppm, netem.duplicate_ppm, netem.corrupt_ppm, netem.reorder_ppm)),
        )
    )


def _words(netem: Netem) -> Iterator[str | int]:
    yield from ("limit", netem.limit_packets)
    if netem.delay_us or netem.jitter_us:
        yield from ("delay", f"{netem.delay_us}us", f"{netem.jitter_us}us")
    for word in ("loss", "duplicate", "corrupt", "reorder"):
        share_ppm = getattr(netem, f"{word}_ppm")
        if share_ppm:
            yield from (word, f"{share_ppm / 10_000:.4f}%")


def _fields(options: bytes) -> dict[str, int]:
    found = read_netem_options(options)
    return {
        "limit_packets": found.limit,
        "delay_us": _us(found.delay),
        "jitter_us": _us(found.jitter),
        "loss_ppm": _ppm(found.loss),
        "duplicate_ppm": _ppm(found.duplicate),
        "corrupt_ppm": _ppm(found.corrupt),
        "reorder_ppm": _ppm(found.reorder),
    }


ROW = row(
    Netem,
    "netem",
    options=_options,
    words=_words,
    fields=_fields,
    in_place=(
        "limit_packets",
        "delay_us",
        "jitter_us",
        "loss_ppm",
        "duplicate_ppm",
        "corrupt_ppm",
        "reorder_ppm",
    ),
)
