"""Hierarchical token buckets: the qdisc and its classes. Source: tc-htb(8), net/sched/sch_htb.c."""

from __future__ import annotations

from dataclasses import dataclass

from weft.kinds.tc.qdisc import Qdisc, class_key, qdisc_key
from weft.state import Key, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Htb(Qdisc):
    """`default`: minor of the class of what nobody classified; 0: it is sent at once."""

    default: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HtbClass:
    """`classid` "77:10", `parent` "77:" (the root qdisc) or a class. Rates in bit/s, sizes in bytes; the bursts as
    the kernel can hold them (see `burst_held`). `priority` 0-7, 0 first. `overhead_bytes` for each packet; `cells`:
    whether packets count as ATM cells."""

    netns: str
    ifname: str
    classid: str
    parent: str
    rate_bps: int
    ceil_bps: int
    burst_bytes: int
    cburst_bytes: int
    quantum_bytes: int
    priority: int = 0
    overhead_bytes: int = 0
    cells: bool = False

    @property
    def key(self) -> Key:
        return class_key(self.netns, self.ifname, self.classid)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        """Its link, and the qdisc or class that it is part of."""
        _, _, minor = self.parent.partition(":")
        over = class_key(self.netns, self.ifname, self.parent) if minor else qdisc_key(self.netns, self.ifname, "root")
        return (link_key(self.netns, self.ifname), over)


_TICK_NS = 64
"""The kernel keeps a bucket as the time that it takes to fill. Source: net/sched PSCHED_SHIFT."""


def burst_held(burst_bytes: int, rate_bps: int) -> int:
    """The size of a bucket as it comes back from the kernel, which keeps it in ticks of 64 ns at the rate, in 32
    bits."""
    ticks = min(-(-burst_bytes * 8 * 10**9 // (rate_bps * _TICK_NS)), 2**32 - 1)
    return ticks * _TICK_NS * rate_bps // (8 * 10**9)
