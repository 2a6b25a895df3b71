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

SPARE_US = 5_000
"""A latency may be over what was declared by so much: what the machine itself takes to wake up."""


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
    the receiver did not tell; `note`: why there is no figure, or ""."""

    run: Run
    classes: Mapping[Key, Counted]
    goodput_bps: float | None = None
    latency: Latency | None = None
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
    """With a note where a class had room and held nothing back, or TCP waited for answers that a line is to lose or
    delay: then what was sent is measured, not the class."""
    if not outcome.note and _is_kept_waiting(of, outcome, tolerance):
        return replace(outcome, note="TCP waits for answers, and these cross a line that is made bad on purpose")
    counted, wanted_bps = outcome.counted, outcome.run.lane.ceil_bps * (1 - tolerance)
    is_slow = counted is not None and not counted.overlimits and not counted.drops
    if of.aim is Aim.TOGETHER or outcome.note or not is_slow or not 0 < outcome.rate_bps < wanted_bps:
        return outcome
    if _misled(of, outcome) is not None:
        return outcome
    why = f"only {outcome.rate_bps / 1e6:.3g} mbit/s could be sent, and the class held nothing of it back"
    return replace(outcome, note=why)


def _is_kept_waiting(of: Round, outcome: Outcome, tolerance: float) -> bool:
    lane = outcome.run.lane
    declared_bps = lane.ceil_bps if of.aim is Aim.ALONE else lane.rate_bps
    is_slow = 0 < outcome.rate_bps < declared_bps * (1 - tolerance)
    return (
        lane.answers_us is not None and outcome.run.flow.protocol == "tcp" and is_slow and _misled(of, outcome) is None
    )


def _faults(of: Round, outcome: Outcome, tolerance: float) -> Iterator[Fault]:
    """A packet more or less is no fault: they are counted whole, and a slow class sends few in those seconds."""
    lost = _misled(of, outcome)
    if lost is not None:
        yield lost
        return
    lane, rate_bps = outcome.run.lane, outcome.rate_bps
    spare_bps = rate_bps * outcome.counted.packet_share if outcome.counted else 0.0
    most_bps, least_bps = rate_bps + spare_bps, rate_bps - spare_bps
    say = partial(Fault, aim=of.aim, run=outcome.run)
    if least_bps > lane.ceil_bps * (1 + tolerance):
        yield say(kind=Kind.ABOVE_CEIL, declared=lane.ceil_bps, measured=rate_bps)
    if of.aim is Aim.ALONE and most_bps < lane.ceil_bps * (1 - tolerance):
        yield say(kind=Kind.BELOW_CEIL, declared=lane.ceil_bps, measured=rate_bps)
    if of.aim is Aim.TOGETHER and most_bps < lane.rate_bps * (1 - tolerance):
        yield say(kind=Kind.BELOW_RATE, declared=lane.rate_bps, measured=rate_bps)
    late = outcome.latency
    if lane.latency_us is not None and late is not None and late.p99_us > lane.latency_us + SPARE_US:
        yield say(kind=Kind.LATE, declared=lane.latency_us, measured=late.p99_us)


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
