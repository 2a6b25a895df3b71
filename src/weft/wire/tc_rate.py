"""Options of what counts in rates: HTB with its classes, and TBF. Rates in bytes a second, buckets in ticks of 64 ns.

Rules: the link layer is always said, so that the kernel needs no table of times beside the rate.
Source: linux/pkt_sched.h tc_ratespec, tc_htb_opt, tc_tbf_qopt; net/sched/sch_htb.c, net/sched/sch_tbf.c.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.codec import Table, as_bytes, as_u64, attribute, read, u64

TC_LINKLAYER_ETHERNET, TC_LINKLAYER_ATM = 1, 2
_LINKLAYER_MASK = 0x0F

_TCA_HTB_PARMS, _TCA_HTB_INIT, _TCA_HTB_RATE64, _TCA_HTB_CEIL64 = 1, 2, 6, 7
_TCA_TBF_PARMS, _TCA_TBF_RATE64 = 1, 4

_HTB_VERSION, _RATE_TO_QUANTUM = 3, 10

_HTB_INIT = Struct("=5I")
"""tc_htb_glob: version, rate2quantum, default minor, debug, packets sent directly."""
_CLASS = Struct("=BBHhHIBBHhHI5I")
"""tc_htb_opt: rate, ceil, buffer, cbuffer, quantum, level, prio."""
_TBF = Struct("=BBHhHI12x3I")
"""tc_tbf_qopt: rate, peakrate, limit, buffer, mtu."""

_CELL_ALIGN = -1
_MAX_U32 = 0xFFFFFFFF

_INIT_TABLE: Table = {_TCA_HTB_INIT: as_bytes}
_CLASS_TABLE: Table = {_TCA_HTB_PARMS: as_bytes, _TCA_HTB_RATE64: as_u64, _TCA_HTB_CEIL64: as_u64}
_TBF_TABLE: Table = {_TCA_TBF_PARMS: as_bytes, _TCA_TBF_RATE64: as_u64}


class ClassOptions(NamedTuple):
    """Rates in bytes a second; `buffer` and `cbuffer` in ticks at the rate and the ceil."""

    rate: int
    ceil: int
    buffer: int
    cbuffer: int
    quantum: int
    prio: int
    overhead: int
    linklayer: int


class TbfOptions(NamedTuple):
    """`rate` in bytes a second, `buffer` in ticks, `limit` in bytes."""

    rate: int
    buffer: int
    limit: int


def htb_options(default: int) -> bytes:
    return attribute(_TCA_HTB_INIT, _HTB_INIT.pack(_HTB_VERSION, _RATE_TO_QUANTUM, default, 0, 0))


def read_htb_default(options: bytes) -> int:
    """The minor of the default class."""
    return int(_HTB_INIT.unpack_from(read(options, 0, len(options), _INIT_TABLE)[_TCA_HTB_INIT])[2])


def class_options(o: ClassOptions) -> bytes:
    spec = (0, o.linklayer, o.overhead, _CELL_ALIGN, 0)
    rate, ceil = min(o.rate, _MAX_U32), min(o.ceil, _MAX_U32)
    parms = _CLASS.pack(*spec, rate, *spec, ceil, o.buffer, o.cbuffer, o.quantum, 0, o.prio)
    big_rate = u64(_TCA_HTB_RATE64, o.rate) if o.rate > _MAX_U32 else b""
    big_ceil = u64(_TCA_HTB_CEIL64, o.ceil) if o.ceil > _MAX_U32 else b""
    return attribute(_TCA_HTB_PARMS, parms) + big_rate + big_ceil


def read_class_options(options: bytes) -> ClassOptions:
    found = read(options, 0, len(options), _CLASS_TABLE)
    (_, layer, overhead, _, _, rate, _, _, _, _, _, ceil, buffer, cbuffer, quantum, _, prio) = _CLASS.unpack_from(
        found[_TCA_HTB_PARMS]
    )
    return ClassOptions(
        found.get(_TCA_HTB_RATE64, rate),
        found.get(_TCA_HTB_CEIL64, ceil),
        buffer,
        cbuffer,
        quantum,
        prio,
        overhead,
        layer & _LINKLAYER_MASK,
    )


def tbf_options(o: TbfOptions) -> bytes:
    """The burst as the time it takes, from which the kernel derives its size."""
    rate = min(o.rate, _MAX_U32)
    parms = _TBF.pack(0, TC_LINKLAYER_ETHERNET, 0, _CELL_ALIGN, 0, rate, o.limit, o.buffer, 0)
    return attribute(_TCA_TBF_PARMS, parms) + (u64(_TCA_TBF_RATE64, o.rate) if o.rate > _MAX_U32 else b"")


def read_tbf_options(options: bytes) -> TbfOptions:
    found = read(options, 0, len(options), _TBF_TABLE)
    _, _, _, _, _, rate, limit, buffer, _ = _TBF.unpack_from(found[_TCA_TBF_PARMS])
    return TbfOptions(found.get(_TCA_TBF_RATE64, rate), buffer, limit)
