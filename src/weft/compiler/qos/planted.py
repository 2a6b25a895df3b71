"""What queues where, and for whom, beside the objects it became: for those who show or explain it. Pure.

Rules: noted only where somebody asks (`planted`), for a tree with all its reasons is much more than its objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from weft.compiler.qos.site import Direction
from weft.model.intent import Path
from weft.records import dataclass
from weft.state import KernelObject, Key

if TYPE_CHECKING:
    from weft.compiler.qos.shaping import Shaping
    from weft.compiler.qos.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """`path`: of whose traffic it is (a port, a link), `direction` as seen from there; `link`: at whose root it queues.
    `shaping`: all of it, where it is one carrier's own; None of a tree that several share. `known_by`: of such a
    one, by the number of a class, what its packets are known by where they are routed; `known_at_bridge`: where frames
    are forwarded; `beside`: what else all such trees of the host take: rules that give packets their class, with their
    maps, and ifbs."""

    path: Path
    direction: Direction
    link: Key
    tree: Tree | None = None
    shaping: Shaping | None = None
    known_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known_at_bridge: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beside: Sequence[KernelObject] = ()
