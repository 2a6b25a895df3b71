"""Figures that nobody says: each with the reason for it.

Rules: a figure of a class follows from its own rate and the link's frame alone, so that a changed rate changes one
class. Queues follow from the limit above them, in steps, so that most changes leave them be. Rates in bit/s, sizes in
bytes, times in microseconds. Source: tc-htb(8), tc-fq_codel(8), net/sched/sch_htb.c, sch_tbf.c.
"""

from __future__ import annotations

from functools import lru_cache

from weft.model.qos_words import MAX_RATE_BPS, rate_text, time_text
from weft.records import dataclass

ETHERNET_HEADER = 14
"""Bytes; HTB counts them."""
GSO_BYTES = 65536
"""A frame may be as large until it leaves for the wire."""
SPLIT_ABOVE_US = 5_000
DEBT_S = 60
"""HTB forgets what a class owes beyond that. Source: net/sched/sch_htb.c htb_change_class, mbuffer."""
UNLIMITED_BPS = MAX_RATE_BPS
SPLITTER_BPS = 32 * 10**9
"""Of a TBF that only takes frames apart: below 2^32 bytes a second, and a frame's time is less than it takes to send
one."""

SPLITTER_BELOW_BPS = 10**10
"""Above, a TBF would cost more than its place is worth, and at last hold back."""

_BURST_US = 1_000
_BURST_FRAMES = 2
_ROUND_US = 10_000
_MAX_QUANTUM = 200_000
"""Above, the kernel complains. Source: net/sched/sch_htb.c."""
_SCRAPS_BPS = 1_000
_DEFAULT_SCRAPS_BPS = 8_000
_LATENCY_US = 50_000
_TARGET_US = 5_000
_INTERVAL_US = 100_000
_SLOW_BPS = 100_000_000
_SLOW_QUANTUM = 300
_NETEM_BPS = 10**9


_known = lru_cache(maxsize=1 << 12)
"""Most classes of a tree are alike, and a figure with its reason takes longer to work out than to find."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A figure, and how it came about."""

    value: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What rates count: bytes that HTB adds to each packet, whether it counts ATM cells, and the share by which
    figures grow where something is to be left out, which HTB cannot do: exact for frames of full size."""

    overhead_bytes: int = 0
    cells: bool = False
    left_out_bytes: int = 0
    frame_bytes: int = 1514
    why: str = ""

    def frames(self, rate_bps: int) -> int:
        """The rate in frames, as HTB wants it."""
        if not self.left_out_bytes:
            return rate_bps
        return min(UNLIMITED_BPS, rate_bps * self.frame_bytes // (self.frame_bytes - self.left_out_bytes))

    def declared(self, held_bps: int) -> int:
        """The way back: the rate that came to `held_bps`."""
        if not self.left_out_bytes or held_bps >= UNLIMITED_BPS:
            return held_bps
        return -(-held_bps * (self.frame_bytes - self.left_out_bytes) // self.frame_bytes)


def frame_bytes(mtu: int) -> int:
    """The largest frame of a link, its header too."""
    return mtu + ETHERNET_HEADER


def frame_us(frame: int, rate_bps: int) -> int:
    """How long a frame takes."""
    return frame * 8 * 1_000_000 // rate_bps


def counting(layer: str, overhead: int, frame: int) -> Counting:
    """What `layer` and `overhead` come to."""
    added = overhead - (ETHERNET_HEADER if layer == "ip" else 0)
    if layer == "atm":
        why = f"frames and {overhead} bytes each, in cells of 48 bytes that take 53"
        return Counting(overhead_bytes=max(added, 0), cells=True, frame_bytes=frame, why=why)
    if added >= 0:
        why = f"frames and {added} bytes each" if added else "frames"
        return Counting(overhead_bytes=added, frame_bytes=frame, why=why)
    left_out = min(-added, frame // 2)
    why = (
        f"frames without {left_out} bytes each: figures grow by {left_out} in {frame - left_out}, right for full frames"
    )
    return Counting(left_out_bytes=left_out, frame_bytes=frame, why=why)


def least_rate_bps(frame: int) -> int:
    """Below it, HTB would forget a part of what one frame costs, and send more than it should."""
    return -(-frame * 8 // DEBT_S)


@_known
def too_slow(rate_bps: int | None, frame: int) -> tuple[str, str] | None:
    """What is wrong with a rate at which HTB would forget what a frame costs, and what would do; None where it would
    not."""
    least = least_rate_bps(frame)
    if rate_bps is None or rate_bps >= least:
        return None
    what = f"at {rate_text(rate_bps)} a frame of {frame} bytes takes more than {DEBT_S} seconds"
    return what, f"at least {rate_text(least)}"


def scraps(limit_bps: int, frame: int, is_default: bool) -> Derived:
    """The rate of a class that nobody guarantees anything: HTB wants one, and it must not starve ARP."""
    usual = _DEFAULT_SCRAPS_BPS if is_default else _SCRAPS_BPS
    if limit_bps >= 8 * usual:
        return Derived(usual, "nothing is guaranteed: so little that it takes from nobody, and no class starves")
    eighth, least = limit_bps // 8, min(limit_bps, least_rate_bps(frame))
    if eighth >= least:
        return Derived(eighth, f"nothing is guaranteed: an eighth of {rate_text(limit_bps)}")
    return Derived(least, f"nothing is guaranteed: the least at which a frame takes no more than {DEBT_S} seconds")


@_known
def burst(rate_bps: int, frame: int, given: int | None = None) -> Derived:
    """The bucket of a rate."""
    if given is not None:
        return Derived(max(given, frame), "as given" if given >= frame else f"{given} given, but a frame has {frame}")
    timely, framed = rate_bps * _BURST_US // 8_000_000, _BURST_FRAMES * frame
    if timely > framed:
        return Derived(timely, f"what {rate_text(rate_bps)} are in {time_text(_BURST_US)}")
    return Derived(framed, f"two frames of {frame} bytes, more than {time_text(_BURST_US)} of {rate_text(rate_bps)}")


@_known
def quantum(rate_bps: int, frame: int) -> Derived:
    """How much a class sends in its turn, when several share what is left over: in proportion to their rates, and a
    round of all takes no longer than 10 ms."""
    timely = rate_bps * _ROUND_US // 8_000_000
    if timely <= frame:
        return Derived(frame, f"one frame, more than {time_text(_ROUND_US)} of {rate_text(rate_bps)}")
    if timely > _MAX_QUANTUM:
        return Derived(_MAX_QUANTUM, "the most that HTB takes without complaint")
    return Derived(timely, f"what {rate_text(rate_bps)} are in {time_text(_ROUND_US)}")


@_known
def splits(limit_bps: int) -> Derived:
    """Whether frames must be taken apart: 1 or 0."""
    time_us = GSO_BYTES * 8 * 1_000_000 // limit_bps
    limit = rate_text(limit_bps)
    if time_us > SPLIT_ABOVE_US:
        return Derived(1, f"a frame of 64 kB takes {_ms(time_us)} at {limit}: a TBF takes it apart")
    return Derived(0, f"a frame of 64 kB takes {_ms(time_us)} at {limit}, no longer than {_ms(SPLIT_ABOVE_US)}")


def splitter_burst(limit_bps: int, frame: int) -> int:
    """What a TBF lets through in one piece. It is there where nothing is to be taken apart too, so that a changed limit
    changes it in place: another queue would lose what waits in the one before."""
    return 2 * frame if splits(limit_bps).value else 2 * GSO_BYTES


@_known
def fifo_packets(limit_bps: int, frame: int, latency_us: int | None) -> Derived:
    """The length of a plain queue, a power of two, so that the packets in it wait no longer than `latency_us`."""
    if limit_bps >= UNLIMITED_BPS:
        return Derived(1024, "no limit above it: a link's usual length")
    wait_us = _LATENCY_US if latency_us is None else latency_us
    fits = limit_bps * wait_us // (frame * 8 * 1_000_000)
    least = 16
    if fits < least:
        return Derived(least, f"the least that TCP does well with; {time_text(wait_us)} would be {fits} frames")
    return Derived(1 << min(fits.bit_length() - 1, 14), f"at most {time_text(wait_us)} of {rate_text(limit_bps)}")


def codel_target(limit_bps: int, frame: int, latency_us: int | None) -> Derived:
    """How long fq_codel lets packets wait in the long run: a frame's own time at least, or it drops each one."""
    wanted = target = _TARGET_US if latency_us is None else max(latency_us, 1_000)
    while target < frame_us(frame, limit_bps):
        target *= 2
    if target > wanted:
        return Derived(target, f"doubled until a frame at {rate_text(limit_bps)} takes no longer")
    return Derived(wanted, "as given" if latency_us is not None else "fq_codel's own")


def codel_interval(target_us: int) -> Derived:
    """How long the wait must last to count."""
    if target_us * 10 > _INTERVAL_US:
        return Derived(target_us * 10, "ten times the target")
    return Derived(_INTERVAL_US, "fq_codel's own: a round trip across the world")


def codel_quantum(limit_bps: int, frame: int) -> Derived:
    """How much a flow sends in its turn."""
    if limit_bps < _SLOW_BPS:
        return Derived(_SLOW_QUANTUM, f"below {rate_text(_SLOW_BPS)}: small packets go before large ones")
    return Derived(frame, "one frame")


def codel_packets(limit_bps: int) -> Derived:
    """The hard limit of fq_codel."""
    if limit_bps < _SLOW_BPS:
        return Derived(1024, f"below {rate_text(_SLOW_BPS)}, where more would be seconds")
    return Derived(10240, "fq_codel's own")


def netem_packets(limit_bps: int, frame: int, held_us: int) -> Derived:
    """The length of netem's queue, which holds all that is under way."""
    rate_bps = min(limit_bps, _NETEM_BPS)
    held = rate_bps * held_us // (frame * 8 * 1_000_000)
    return Derived(min(max(1000, 2 * held), 1_000_000), f"twice what {rate_text(rate_bps)} are in {time_text(held_us)}")


def _ms(time_us: int) -> str:
    return f"{time_us / 1000:.3g} ms" if time_us < 10_000_000 else f"{time_us / 1_000_000:,.0f} s"
