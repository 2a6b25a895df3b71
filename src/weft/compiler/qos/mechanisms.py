"""Which of the kernel's mechanisms does what is wanted: the best that it has, named with the reason.

Rules: a mechanism is a row: what it needs, how good it is, and what it emits. One that is asked for by name goes before
better ones; where it is missing, the next best does, and the reason says so. A score of 0 is for those that only a name
chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

from weft.compiler.qos import numbers
from weft.kinds.tc.leaves import Cake, Fq, FqCodel, Leaf, Netem, Pfifo, Sfq
from weft.kinds.tc.qdisc import ROOT
from weft.model.qos import Impairment
from weft.records import dataclass, maker


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a queue goes: `parent` as Qdisc's, `below` as Leaf's, `handle` where it is the root. `limit_bps`: what
    it is emptied at, at most; `frame`: the largest, in bytes; `latency_us`: how long a packet may wait."""

    netns: str
    ifname: str
    parent: str = ROOT
    below: str = ""
    handle: str | None = None
    limit_bps: int = numbers.UNLIMITED_BPS
    frame: int = 1514
    latency_us: int | None = None

    @property
    def place(self) -> dict[str, Any]:
        """The fields that every queue has."""
        return {
            "netns": self.netns,
            "ifname": self.ifname,
            "parent": self.parent,
            "below": self.below,
            "handle": self.handle,
        }


Emit = TypeVar("Emit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism(Generic[Emit]):
    """`does`: what it is good for, or what is lost with it, in a few words."""

    name: str
    needs: frozenset[str]
    score: int
    emit: Emit
    does: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Generic[Emit]):
    """A mechanism, and why it is this one. `lacking`: of the kernel, what a better or a wanted one needs."""

    mechanism: Mechanism[Emit]
    why: str
    lacking: frozenset[str] = frozenset()


def choose(rows: Sequence[Mechanism[Emit]], features: Set[str], wanted: str | None = None) -> Choice[Emit] | None:
    """The row of that name, else the best; None where the kernel has none of them."""
    ranked = sorted(rows, key=lambda row: (row.name != wanted, -row.score))
    able = [row for row in ranked if row.needs <= features and (row.score or row.name == wanted)]
    if not able:
        return None
    best, chosen = ranked[0], able[0]
    if chosen.name == wanted:
        return Choice(mechanism=chosen, why="as asked")
    if chosen is best:
        return Choice(mechanism=chosen, why=f"the best: {chosen.does}")
    lacking = best.needs - features
    return Choice(mechanism=chosen, why=f"the next best: this kernel lacks {best.name}", lacking=frozenset(lacking))


def lacked_by(rows: Sequence[Mechanism[Any]], features: Set[str]) -> str:
    """A feature whose lack leaves no row of them."""
    best = max(rows, key=lambda row: row.score)
    return min(best.needs - features, default="")


# queues: what the classes of most trees have is given its fields one by one, which is faster

_new_pfifo, _new_fq_codel = maker(Pfifo), maker(FqCodel)


def _fq_codel(spot: Spot) -> Leaf:
    target = numbers.codel_target(spot.limit_bps, spot.frame, spot.latency_us).value
    return _new_fq_codel(
        netns=spot.netns,
        ifname=spot.ifname,
        parent=spot.parent,
        below=spot.below,
        handle=spot.handle,
        limit_packets=numbers.codel_packets(spot.limit_bps).value,
        target_us=target,
        interval_us=numbers.codel_interval(target).value,
        quantum_bytes=numbers.codel_quantum(spot.limit_bps, spot.frame).value,
    )


def _sfq(spot: Spot) -> Leaf:
    packets = min(numbers.fifo_packets(spot.limit_bps, spot.frame, spot.latency_us).value, 127)
    return Sfq(**spot.place, limit_packets=packets, quantum_bytes=spot.frame)


def _pfifo(spot: Spot) -> Leaf:
    return _new_pfifo(
        netns=spot.netns,
        ifname=spot.ifname,
        parent=spot.parent,
        below=spot.below,
        handle=spot.handle,
        limit_packets=numbers.fifo_packets(spot.limit_bps, spot.frame, spot.latency_us).value,
    )


def _fq(spot: Spot) -> Leaf:
    return Fq(
        **spot.place,
        limit_packets=10_000,
        flow_limit_packets=100,
        quantum_bytes=2 * spot.frame,
        initial_quantum_bytes=10 * spot.frame,
    )


def _cake(spot: Spot) -> Leaf:
    return Cake(**spot.place, rtt_us=100_000)


LEAVES: tuple[Mechanism[Callable[[Spot], Leaf]], ...] = tuple(
    Mechanism(name=name, needs=frozenset({name}), score=score, emit=emit, does=does)
    for name, score, emit, does in (
        ("fq_codel", 30, _fq_codel, "flows share, and none waits for long"),
        ("sfq", 20, _sfq, "flows share"),
        ("pfifo", 10, _pfifo, "a short plain queue"),
        ("fq", 0, _fq, "flows share, and senders are paced"),
        ("cake", 0, _cake, "flows and hosts share, and none waits for long"),
    )
)


@lru_cache  # every class of a tree asks
def leaf_for(leaf: str | None, features: frozenset[str]) -> Choice[Callable[[Spot], Leaf]]:
    """The queue for a class. `leaf`: the one that is asked for."""
    found = choose(LEAVES, features | {"pfifo"}, leaf)  # no kernel with traffic control lacks a pfifo
    assert found is not None
    return found


def lacked_leaf(leaf: str, features: frozenset[str]) -> tuple[str, str] | None:
    """What to say of a queue that is asked for and not had, and what mends it; None where it is had."""
    does = leaf_for(leaf, features).mechanism.name
    if does == leaf:
        return None
    return f"this kernel lacks {leaf}: {does} does instead", f"load the kernel's sch_{leaf} module"


def line_for(line: Impairment | None, features: Set[str]) -> Choice[Callable[[Spot], Leaf]] | None:
    """What makes a bad line, where there is to be one and the kernel can; it is a queue of its own."""
    if line is None or "netem" not in features:
        return None
    row: Mechanism[Callable[[Spot], Leaf]] = Mechanism(
        name="netem", needs=frozenset({"netem"}), score=20, emit=partial(_netem, line), does="every impairment"
    )
    return Choice(mechanism=row, why="for the impairment; its own queue holds what is under way")


def _netem(line: Impairment, spot: Spot) -> Leaf:
    delay_us, jitter_us = line.delay or 0, line.jitter or 0
    return Netem(
        **spot.place,
        limit_packets=numbers.netem_packets(spot.limit_bps, spot.frame, delay_us + jitter_us).value,
        delay_us=delay_us,
        jitter_us=jitter_us,
        loss_ppm=line.loss or 0,
        duplicate_ppm=line.duplicate or 0,
        corrupt_ppm=line.corrupt or 0,
        reorder_ppm=line.reorder or 0,
    )


# limits

RATES: tuple[Mechanism[str], ...] = (
    Mechanism(name="htb", needs=frozenset({"htb"}), score=20, emit="tree", does="guarantees, limits and queues"),
    Mechanism(name="nft limit", needs=frozenset({"nft_netdev"}), score=10, emit="rule", does="what exceeds is dropped"),
)
LINES: tuple[Mechanism[str], ...] = (
    Mechanism(name="netem", needs=frozenset({"netem"}), score=20, emit="qdisc", does="every impairment"),
    Mechanism(name="nft numgen", needs=frozenset({"nft_netdev"}), score=10, emit="rule", does="loss alone"),
)
