"""Declared against measured.

Rules: pure. What counts is what the class itself counted, in frames, over the seconds that were measured; where traffic
was counted in another class, that is said and nothing else of it. Rates are bit/s, times microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import partial
from math import ceil

from weft.check.qos.lanes import Aim, Lane, Round, Run, Tree
from weft.records import dataclass
from weft.state import Key

ELSEWHERE = 0.5
"""A class that counted less than so much of what was sent has another one's traffic, or none."""

CELL_BYTES, CELL_PAYLOAD_BYTES = 53, 48
"""Source: tc-htb(8) linklayer atm, net/sched/sch_api.c __qdisc_calculate_pkt_len."""

LEAST_FRAMES = 4
"""Of fewer, one more or less says nothing."""

SPARE_US = 5_000
"""A latency may be over what was declared by so much: what the machine itself takes to wake up."""
SPARE_FRAMES = 2
"""And by so many frames of the class: the one that is being sent, and the one that fq_codel always leaves."""


class Kind(StrEnum):
    BELOW_CEIL = "below ceil"
    ABOVE_CEIL = "above ceil"
    BELOW_RATE = "below guarantee"
    ELSEWHERE = "in another class"
    NOTHING = "nothing counted"
    LATE = "too late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a class counted within `elapsed_s`. `overlimits`: how often it held packets back."""

    bytes: int
    packets: int
    drops: int
    overlimits: int
    elapsed_s: float

    def rate_bps(self, overhead_bytes: int = 0, cells: bool = False) -> float:
        """As the class reckons: with its overhead, and in cells."""
        total = self.bytes + overhead_bytes * self.packets
        if cells and self.packets:
            total = self.packets * ceil(total / self.packets / CELL_PAYLOAD_BYTES) * CELL_BYTES
        return total * 8 / self.elapsed_s

    @property
    def packet_share(self) -> float:
        """What one packet is of all that were counted."""
        return 1 / self.packets if self.packets else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of small packets of the class, one way, under the load of the run."""

    p50_us: int
    p99_us: int
    arrived: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run. `classes`: what each class of the tree counted; `goodput_bps`: what arrived, without headers, None where
    the receiver did not tell, and `unread` why; `idle`: at which share of looks nothing of the class waited; `note`:
    why there is no figure, or ""."""

    run: Run
    classes: Mapping[Key, Counted]
    goodput_bps: float | None = None
    latency: Latency | None = None
    idle: float = 0.0
    unread: str = ""
    note: str = ""

    @property
    def counted(self) -> Counted | None:
        return self.classes.get(self.run.lane.key)

    @property
    def rate_bps(self) -> float:
        lane = self.run.lane
        return self.counted.rate_bps(lane.overhead_bytes, lane.cells) if self.counted else 0.0

    @property
    def factor(self) -> float | None:
        """Goodput of what the class counted."""
        return self.goodput_bps / self.rate_bps if self.goodput_bps is not None and self.rate_bps else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is not as declared, and under which load. `into`: for ELSEWHERE, the class that counted it."""

    kind: Kind
    aim: Aim
    run: Run
    declared: float
    measured: float
    into: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A round as it went."""

    round: Round
    outcomes: tuple[Outcome, ...]
    faults: tuple[Fault, ...]


def judge(of: Round, outcomes: tuple[Outcome, ...], tolerance: float) -> Judged:
    """`tolerance`: a share, 0.05 for 5 %. A run without figures is nobody's fault."""
    outcomes = tuple(_noted(of, outcome, tolerance) for outcome in outcomes)
    measured = [outcome for outcome in outcomes if not outcome.note]
    found = [fault for outcome in measured for fault in _faults(of, outcome, tolerance)]
    return Judged(round=of, outcomes=outcomes, faults=tuple(found))


def _noted(of: Round, outcome: Outcome, tolerance: float) -> Outcome:
    """With a note where it is not the class that was measured: too few of its packets fit into those seconds, too
    little was sent, or TCP waited for answers that a line is to lose or delay."""
    if outcome.note or not _is_slow(of, outcome, tolerance):
        return outcome
    lane, seconds = outcome.run.lane, outcome.counted.elapsed_s if outcome.counted else 0.0
    few = too_few(_declared_bps(of, outcome), lane.frame_bytes, seconds) if seconds else ""
    if why := few or outcome.unread:
        return replace(outcome, note=why)
    if not outcome.rate_bps or _misled(of, outcome) is not None:
        return outcome
    if lane.answers_us is not None and outcome.run.flow.protocol == "tcp":
        return replace(outcome, note="TCP waits for answers, and these cross a line that is made bad on purpose")
    return replace(outcome, note=_unfilled(of, outcome, tolerance))


def too_few(declared_bps: int, frame_bytes: int, seconds: float) -> str:
    """Why so slow a class cannot be told from none in those seconds, "" where it can."""
    frames = declared_bps * seconds / 8 / frame_bytes
    if frames >= LEAST_FRAMES:
        return ""
    return f"in {seconds:.0f} s it may send {frames:.2g} packets of {frame_bytes} bytes; `--seconds` for more"


def _declared_bps(of: Round, outcome: Outcome) -> int:
    """What a class is to reach at least."""
    return outcome.run.lane.ceil_bps if of.aim is Aim.ALONE else outcome.run.lane.rate_bps


def _is_slow(of: Round, outcome: Outcome, tolerance: float) -> bool:
    """Whether it is below what it is to reach. A packet more or less is no fault: they are counted whole, and a slow
    class sends few in those seconds."""
    spare_bps = outcome.rate_bps * outcome.counted.packet_share if outcome.counted else 0.0
    return outcome.rate_bps + spare_bps < _declared_bps(of, outcome) * (1 - tolerance)


def _unfilled(of: Round, outcome: Outcome, tolerance: float) -> str:
    """Why it is not the class that held back, "" where it is. A bucket is filled again while nothing waits."""
    counted, sent = outcome.counted, f"only {outcome.rate_bps / 1e6:.3g} mbit/s could be sent"
    if of.aim is Aim.ALONE and counted is not None and not counted.overlimits and not counted.drops:
        return f"{sent}, and the class held nothing of it back"
    if outcome.idle and not _is_slow(of, outcome, tolerance + outcome.idle):
        return f"{sent}, and in {outcome.idle:.0%} of the looks nothing waited"
    return ""


def _faults(of: Round, outcome: Outcome, tolerance: float) -> Iterator[Fault]:
    """A bucket that was full may pass at once what is in it."""
    lost = _misled(of, outcome)
    if lost is not None:
        yield lost
        return
    lane, rate_bps = outcome.run.lane, outcome.rate_bps
    say = partial(Fault, aim=of.aim, run=outcome.run, measured=rate_bps)
    held = outcome.counted
    spare_bps = rate_bps * held.packet_share + lane.burst_bytes * 8 / held.elapsed_s if held else 0.0
    if rate_bps - spare_bps > lane.ceil_bps * (1 + tolerance):
        yield say(kind=Kind.ABOVE_CEIL, declared=lane.ceil_bps)
    if _is_slow(of, outcome, tolerance):
        below = Kind.BELOW_CEIL if of.aim is Aim.ALONE else Kind.BELOW_RATE
        yield say(kind=below, declared=_declared_bps(of, outcome))
    late = outcome.latency
    if lane.latency_us is not None and late is not None and late.p99_us > lane.latency_us + _spare_us(of, lane):
        yield say(kind=Kind.LATE, declared=lane.latency_us, measured=late.p99_us)


def _spare_us(of: Round, lane: Lane) -> float:
    """What a packet waits for beside those before it in its queue."""
    room_bps = lane.rate_bps if of.aim is Aim.TOGETHER and lane.rate_bps else lane.ceil_bps
    return SPARE_US + SPARE_FRAMES * lane.frame_bytes * 8e6 / room_bps


def _misled(of: Round, outcome: Outcome) -> Fault | None:
    """Where the class counted next to nothing: who counted it instead, if anybody of the tree did. Together, another
    class's own traffic would be taken for it."""
    lane, rate_bps = outcome.run.lane, outcome.rate_bps
    silent = Fault(
        kind=Kind.NOTHING, aim=of.aim, run=outcome.run, declared=lane.ceil_bps, measured=outcome.goodput_bps or 0.0
    )
    if of.aim is Aim.TOGETHER:
        return silent if not rate_bps and lane.rate_bps else None
    others = {key: held.rate_bps() for key, held in outcome.classes.items() if key in _others(of.tree, lane)}
    most = max(others, key=others.__getitem__, default=None)
    if most is not None and rate_bps < ELSEWHERE * (rate_bps + others[most]):
        return replace(silent, kind=Kind.ELSEWHERE, measured=others[most], into=most)
    return silent if not rate_bps else None


def _others(tree: Tree, lane: Lane) -> frozenset[Key]:
    """The tree's other leaves, among them the default that no lane stands for."""
    return frozenset(key for key in tree.leaves if key != lane.key)
