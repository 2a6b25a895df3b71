"""Queues at the end of a tree. Sizes in bytes, times in microseconds, limits in packets.
Source: tc-fq_codel(8), tc-cake(8), tc-sfq(8), tc-fq(8), tc-pfifo(8), tc-tbf(8), tc-netem(8)."""

from __future__ import annotations

from dataclasses import dataclass

from weft.kinds.tc.qdisc import Qdisc, qdisc_key
from weft.state import Key, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf(Qdisc):
    """`below`: where the TBF sits that it is the queue of (`parent` is then that TBF's only class, "78:1"), "" where
    it is a class's own."""

    below: str = ""

    @property
    def lives_on(self) -> tuple[Key, ...]:
        if not self.below:
            return Qdisc.lives_on.fget(self)  # type: ignore[attr-defined,no-any-return]
        return (link_key(self.netns, self.ifname), qdisc_key(self.netns, self.ifname, self.below))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tbf(Qdisc):
    """A token bucket, here to take frames apart that are larger than `burst_bytes`."""

    rate_bps: int
    burst_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pfifo(Leaf):
    limit_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FqCodel(Leaf):
    limit_packets: int
    target_us: int
    interval_us: int
    quantum_bytes: int
    flows: int = 1024
    ecn: bool = True
    memory_limit_bytes: int = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sfq(Leaf):
    limit_packets: int
    quantum_bytes: int
    perturb_s: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Fq(Leaf):
    limit_packets: int
    flow_limit_packets: int
    quantum_bytes: int
    initial_quantum_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cake(Leaf):
    """Without a rate of its own: that is HTB's."""

    rtt_us: int = 100_000
    diffserv: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Netem(Leaf):
    """Shares in millionths."""

    limit_packets: int
    delay_us: int = 0
    jitter_us: int = 0
    loss_ppm: int = 0
    duplicate_ppm: int = 0
    corrupt_ppm: int = 0
    reorder_ppm: int = 0
