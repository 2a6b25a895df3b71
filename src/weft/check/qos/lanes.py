"""What is measured: the leaf classes of trees, alone and together.

Rules: pure. A class that nothing can be sent for says why and is never counted as well. What is sent together is sent
by UDP: each class then asks for more than it has, whatever its neighbours do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType

from weft.compiler.qos.flow import Flow
from weft.records import dataclass
from weft.state import Key, link_key

ABOVE = 1.2
"""Of what a class may send at most, so much is offered by UDP: enough to fill it, and little to throw away."""

BUSY_BPS = 300_000_000
"""So much is sent at once in all rounds that run beside each other: more, and the machine is what is measured."""


class Direction(StrEnum):
    EGRESS = "egress"
    INGRESS = "ingress"


class Aim(StrEnum):
    """ALONE: nothing else in its tree, so it reaches its ceil and no more. TOGETHER: all of the tree at once, so each
    has its guarantee."""

    ALONE = "alone"
    TOGETHER = "together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where traffic begins or ends. `name`: TENANT/PORT, or an address. `netns` None: another machine's."""

    name: str
    netns: str | None
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A leaf class. `carrier`: who has the policy, as the file calls it; `name`: of the class, "" for what no class
    matches or where there are none. `rate_bps` guaranteed, 0 for none; `ceil_bps` the least on its way to the root.
    `overhead_bytes` for each packet and `cells`: as the file counts, below 0 where something is left out.
    `frame_bytes`: of the largest packet; `burst_bytes`: what may pass at once of the ceil. `flows`: by protocol; empty
    where nothing can be sent, and `why`. `beside`: for some of them, small packets of the same class. `sender`,
    `receiver`: of both. `answers_us`: how long what comes back takes on a line that is made bad on purpose, None where
    it crosses none."""

    carrier: str
    direction: Direction
    name: str
    key: Key
    rate_bps: int
    ceil_bps: int
    latency_us: int | None = None
    overhead_bytes: int = 0
    cells: bool = False
    frame_bytes: int = 1514
    burst_bytes: int = 0
    flows: Mapping[str, Flow] = field(default_factory=lambda: MappingProxyType({}))
    beside: Mapping[str, Flow] = field(default_factory=lambda: MappingProxyType({}))
    sender: Place | None = None
    receiver: Place | None = None
    answers_us: int | None = None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.carrier} {self.direction} {self.name}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree of classes: the link that it is on, what all of it may send. `lanes`: the leaves that stand for
    something in the file; `leaves`: the keys of all, with what people call each."""

    netns: str
    ifname: str
    ceil_bps: int
    lanes: tuple[Lane, ...]
    leaves: Mapping[Key, str]

    @property
    def key(self) -> Key:
        return link_key(self.netns, self.ifname)

    @property
    def measurable(self) -> tuple[Lane, ...]:
        return tuple(lane for lane in self.lanes if lane.flows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One flow of a round. `offered_bps` None: as much as TCP finds room for."""

    lane: Lane
    flow: Flow
    offered_bps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is sent at once into one tree."""

    tree: Tree
    aim: Aim
    runs: tuple[Run, ...]

    @property
    def load_bps(self) -> int:
        """At most so much is sent."""
        return min(sum(run.offered_bps or run.lane.ceil_bps for run in self.runs), round(self.tree.ceil_bps * ABOVE))

    @property
    def places(self) -> frozenset[str]:
        """Who sends and receives."""
        ends = (place for run in self.runs for place in (run.lane.sender, run.lane.receiver))
        return frozenset(place.name for place in ends if place is not None)


def rounds_of(tree: Tree) -> Iterator[Round]:
    """Each class alone by each protocol, then all at once where there are several."""
    for lane in tree.measurable:
        for protocol, flow in lane.flows.items():
            offered = None if protocol == "tcp" else round(lane.ceil_bps * ABOVE)
            yield Round(tree=tree, aim=Aim.ALONE, runs=(Run(lane=lane, flow=flow, offered_bps=offered),))
    if len(tree.measurable) > 1:
        for lanes in _at_once(tree.measurable):
            yield Round(tree=tree, aim=Aim.TOGETHER, runs=tuple(_together(tree, lanes)))


def _at_once(lanes: Sequence[Lane]) -> Iterator[Sequence[Lane]]:
    """All of them; more than once where one receiver would have to serve two at one port: each is among some then."""
    waiting = list(lanes)
    while waiting:
        held: dict[object, Lane] = {}
        for lane in (*waiting, *lanes):
            held.setdefault(_served_at(lane), lane)
        at_once = list(held.values())
        if len(at_once) > 1:
            yield [lane for lane in lanes if lane in at_once]
        waiting = [lane for lane in waiting if lane not in at_once]


def _served_at(lane: Lane) -> object:
    """What no two can have at once; another machine has a port for each."""
    assert lane.sender is not None and lane.receiver is not None
    flow = _loudest(lane)
    ours = lane.sender.netns is not None and lane.receiver.netns is not None
    return (lane.receiver.netns, flow.target, flow.port) if ours else lane.key


def _loudest(lane: Lane) -> Flow:
    """By UDP, which asks for more than there is, whatever others do."""
    return lane.flows["udp"] if "udp" in lane.flows else lane.flows["tcp"]


def _together(tree: Tree, lanes: Sequence[Lane]) -> Iterator[Run]:
    """Who has no guarantee offers as much as all of them, to be in the others' way."""
    for lane in lanes:
        flow = _loudest(lane)
        wanted = min(lane.ceil_bps, lane.rate_bps + _idle_bps(tree)) if lane.rate_bps else lane.ceil_bps
        yield Run(lane=lane, flow=flow, offered_bps=None if flow.protocol == "tcp" else round(wanted * ABOVE))


def _idle_bps(tree: Tree) -> int:
    """What nobody has a guarantee of."""
    return max(0, tree.ceil_bps - sum(lane.rate_bps for lane in tree.lanes))


def beside_each_other(rounds: Iterable[Round]) -> Iterator[tuple[Round, ...]]:
    """Batches of rounds that do not disturb each other: no two of one tree, no place twice, within BUSY_BPS."""
    waiting = list(rounds)
    while waiting:
        batch, waiting = _first_batch(waiting)
        yield tuple(batch)


def _first_batch(waiting: Sequence[Round]) -> tuple[list[Round], list[Round]]:
    batch: list[Round] = []
    rest: list[Round] = []
    for one in waiting:
        (batch if not batch or _fits(one, batch) else rest).append(one)
    return batch, rest


def _fits(one: Round, batch: Sequence[Round]) -> bool:
    apart = all(one.tree != other.tree and not one.places & other.places for other in batch)
    return apart and one.load_bps + sum(other.load_bps for other in batch) <= BUSY_BPS
