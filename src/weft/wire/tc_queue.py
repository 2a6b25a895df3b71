"""Options of queues. Times in microseconds (netem: nanoseconds), sizes in bytes, limits in packets, shares of 2^32.

Source: linux/pkt_sched.h; net/sched/sch_{fifo,fq_codel,sfq,fq,cake,netem}.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import NamedTuple

from weft.wire.codec import Table, as_bytes, as_s64, as_u32, attribute, read, s64, u32, u64

TCA_FQ_CODEL_TARGET, TCA_FQ_CODEL_LIMIT, TCA_FQ_CODEL_INTERVAL, TCA_FQ_CODEL_ECN = 1, 2, 3, 4
TCA_FQ_CODEL_FLOWS, TCA_FQ_CODEL_QUANTUM, TCA_FQ_CODEL_MEMORY_LIMIT = 5, 6, 9
TCA_FQ_PLIMIT, TCA_FQ_FLOW_PLIMIT, TCA_FQ_QUANTUM, TCA_FQ_INITIAL_QUANTUM = 1, 2, 3, 4
TCA_CAKE_DIFFSERV_MODE, TCA_CAKE_RTT, TCA_CAKE_TARGET = 3, 7, 8
_TCA_CAKE_BASE_RATE64 = 2
CAKE_DIFFSERV_DIFFSERV3, CAKE_DIFFSERV_BESTEFFORT = 0, 3
_TCA_NETEM_REORDER, _TCA_NETEM_CORRUPT, _TCA_NETEM_LATENCY64, _TCA_NETEM_JITTER64 = 3, 4, 10, 11

_CODEL_UNIT_NS = 1024
"""CoDel keeps times in units of 2^10 ns. Source: net/codel.h CODEL_SHIFT."""

_FIFO = Struct("=I")
_SFQ = Struct("=IiIII")
"""tc_sfq_qopt: quantum, perturb period (s), limit, divisor, flows."""
SFQ_FLOWS, SFQ_DEPTH = 128, 127
_NETEM = Struct("=6I")
"""tc_netem_qopt: latency (ticks), limit, loss, gap, duplicate, jitter (ticks)."""
_SHARE = Struct("=II")
"""A share and its correlation."""

_NUMBERS: Table = dict.fromkeys(range(1, 10), as_u32)
_NETEM_TABLE: Table = {
    _TCA_NETEM_REORDER: as_bytes,
    _TCA_NETEM_CORRUPT: as_bytes,
    _TCA_NETEM_LATENCY64: as_s64,
    _TCA_NETEM_JITTER64: as_s64,
}


class NetemOptions(NamedTuple):
    """Delay and jitter in ns; shares of 2^32 - 1."""

    limit: int
    delay: int
    jitter: int
    loss: int
    duplicate: int
    corrupt: int
    reorder: int


def codel_time_us(read_us: int) -> int:
    """The least time that is kept as the one of which the kernel says `read_us`, rounded down."""
    units = -(-read_us * 1000 // _CODEL_UNIT_NS)
    return -(-units * _CODEL_UNIT_NS // 1000)


def codel_time_held(time_us: int) -> int:
    """The least time that the kernel keeps as this one."""
    units = time_us * 1000 // _CODEL_UNIT_NS
    return -(-units * _CODEL_UNIT_NS // 1000)


def fifo_options(limit: int) -> bytes:
    return _FIFO.pack(limit)


def read_fifo_limit(options: bytes) -> int:
    return int(_FIFO.unpack_from(options)[0])


def sfq_options(quantum: int, perturb_s: int, limit: int) -> bytes:
    return _SFQ.pack(quantum, perturb_s, limit, 0, 0)


def read_sfq_options(options: bytes) -> tuple[int, int, int]:
    """quantum, perturb period, limit."""
    quantum, perturb_s, limit, _, _ = _SFQ.unpack_from(options)
    return quantum, perturb_s, limit


def numbers(values: Mapping[int, int]) -> bytes:
    """Options that are numbers of 32 bits each (fq_codel, fq, cake)."""
    return b"".join(u32(kind, value) for kind, value in values.items())


def read_numbers(options: bytes) -> Mapping[int, int]:
    return read(options, 0, len(options), _NUMBERS)


def unlimited_cake() -> bytes:
    """Without a rate of its own."""
    return u64(_TCA_CAKE_BASE_RATE64, 0)


def netem_options(o: NetemOptions) -> bytes:
    """All of them: what is not said stays as it was. A gap of 1: of all packets the share `reorder` goes at once."""
    head = _NETEM.pack(0, o.limit, o.loss, 1 if o.reorder else 0, o.duplicate, 0)
    return b"".join(
        (
            head,
            attribute(_TCA_NETEM_REORDER, _SHARE.pack(o.reorder, 0)),
            attribute(_TCA_NETEM_CORRUPT, _SHARE.pack(o.corrupt, 0)),
            s64(_TCA_NETEM_LATENCY64, o.delay),
            s64(_TCA_NETEM_JITTER64, o.jitter),
        )
    )


def read_netem_options(options: bytes) -> NetemOptions:
    _, limit, loss, _, duplicate, _ = _NETEM.unpack_from(options)
    found = read(options, _NETEM.size, len(options), _NETEM_TABLE)
    return NetemOptions(
        limit,
        found.get(_TCA_NETEM_LATENCY64, 0),
        found.get(_TCA_NETEM_JITTER64, 0),
        loss,
        duplicate,
        _share(found.get(_TCA_NETEM_CORRUPT)),
        _share(found.get(_TCA_NETEM_REORDER)),
    )


def _share(pair: bytes | None) -> int:
    return int(_SHARE.unpack_from(pair)[0]) if pair else 0
