"""What becomes of rates and of the sizes of buckets on their way through the kernel.

Rules: a rate is whole bytes a second; a bucket is kept as the time that it takes to fill, in ticks of which tc makes
whole microseconds. All is rounded so that tc's commands make the same, and what was rounded once stays. Source:
iproute2 tc/tc_core.c tc_calc_xmittime, net/pkt_sched.h PSCHED_SHIFT.
"""

from __future__ import annotations

from functools import lru_cache

_BITS_US = 8 * 10**6
_TICKS, _OF_US = 125, 8
"""So many ticks of 64 ns are so many microseconds."""

MOST_US = (2**32 - 1) * _OF_US // _TICKS
"""Ticks have 32 bits."""


def rate_held(rate_bps: int) -> int:
    return max(rate_bps // 8, 1) * 8


def ticks_of(burst_bytes: int, rate_bps: int, most_us: int = MOST_US) -> int:
    return _time_us(burst_bytes, rate_bps, most_us) * _TICKS // _OF_US


def burst_of(ticks: int, rate_bps: int) -> int:
    """In bytes."""
    return _burst(-(-ticks * _OF_US // _TICKS), rate_bps)


@lru_cache(maxsize=1 << 12)  # most buckets of a tree are alike
def burst_held(burst_bytes: int, rate_bps: int, most_us: int = MOST_US) -> int:
    """The size of a bucket as it comes back from the kernel: not less than was asked for, where that fits."""
    time_us = _time_us(burst_bytes, rate_bps, most_us)
    held, more = _burst(time_us, rate_bps), _burst(time_us + 1, rate_bps)
    return held if held >= burst_bytes or more > most_us * rate_bps // _BITS_US else more


def burst_told(burst_bytes: int, rate_bps: int) -> int:
    """What tc is to be told of a bucket, for it reckons with fractions that are not exact: well within the
    microsecond."""
    return max(burst_bytes, (2 * _time_us(burst_bytes, rate_bps, MOST_US) + 1) * rate_bps // (2 * _BITS_US))


def _time_us(burst_bytes: int, rate_bps: int, most_us: int) -> int:
    fitting = min(burst_bytes, most_us * rate_bps // _BITS_US)
    return max(fitting * _BITS_US // rate_bps, 1)


def _burst(time_us: int, rate_bps: int) -> int:
    return -(-time_us * rate_bps // _BITS_US)
