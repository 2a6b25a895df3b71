"""The figures of a class as the file counts them, whatever HTB is told. Pure."""

from __future__ import annotations

from weft.compiler.qos.numbers import counting
from weft.compiler.qos.tree import Ground, Node
from weft.model.qos import QosDirection
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`overhead_bytes` of each packet, below 0 where something is left out, and `cells`: what a rate counts."""

    rate_bps: int
    ceil_bps: int
    overhead_bytes: int
    cells: bool


def said_of(node: Node, ground: Ground, share: QosDirection | None = None) -> Said:
    """`share`: of a tree that several share, what the class's owner asks for, who may count otherwise than the tree."""
    if share is None or share.rate is None:
        count, rate_bps = ground.counting, ground.counting.declared(node.figures.rate.value)
        ceil_bps = count.declared(node.figures.limit_bps)
    else:
        count, rate_bps = counting(share.layer, share.overhead, ground.frame), share.rate
        own_bps = share.rate if share.ceil is None else share.ceil
        limit_bps, whole_bps = node.figures.limit_bps, node.figures.ceil.value
        ceil_bps = own_bps if limit_bps == whole_bps else limit_bps * own_bps // whole_bps
    return Said(
        rate_bps=rate_bps if node.branch.rate_bps is not None else 0,
        ceil_bps=ceil_bps,
        overhead_bytes=count.overhead_bytes - count.left_out_bytes,
        cells=count.cells,
    )
