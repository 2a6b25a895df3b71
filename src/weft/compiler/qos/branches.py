"""A policy's direction as the branches of a tree.

Rules: a class is known by its names from the outermost down. What it does not say of its queue and its
priority it has from the class that it is part of; of its queue, that has it from the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from weft.compiler.qos.checks import Parts, lineage, parts_of
from weft.compiler.qos.classify import Classed
from weft.compiler.qos.tree import Branch, Tree
from weft.model.intent import Path
from weft.model.qos import Impairment, QosClass, QosDirection
from weft.records import dataclass, maker


def top_of(direction: QosDirection, path: Path, capacity_bps: int | None = None) -> Branch:
    """The whole with its classes. `path`: of the direction in the intent; `capacity_bps`: what limits it where it says
    no limit."""
    limit = direction.rate if direction.ceil is None else direction.ceil
    classes = direction.classes
    grown = _Growing(classes, parts_of(classes), direction.default, path)
    return Branch(
        origin=path,
        ceil_bps=capacity_bps if limit is None else limit,
        burst_bytes=direction.burst,
        latency_us=direction.latency,
        leaf=direction.leaf,
        impairment=direction.impairment,
        branches=tuple(grown.below(None, (), _Queue(None, direction.latency, direction.leaf, direction.impairment))),
    )


class _Queue(NamedTuple):
    """What a class has of the one that it is part of, unless it says so itself."""

    priority: int | None
    latency_us: int | None
    leaf: str | None
    impairment: Impairment | None

    def under(self, held: QosClass) -> _Queue:
        """What is left of it for a class."""
        priority, latency_us, leaf, impairment = self
        if held.priority is None and held.latency is None and held.leaf is None and held.impairment is None:
            return self  # mostly
        return _Queue(
            priority if held.priority is None else held.priority,
            latency_us if held.latency is None else held.latency,
            held.leaf or leaf,
            held.impairment or impairment,
        )


_new_branch, _new_classed = maker(Branch), maker(Classed)


@dataclass(frozen=True, slots=True)
class _Growing:
    classes: Mapping[str, QosClass]
    parts: Parts
    default: str | None
    origin: Path

    def below(self, parent: str | None, path: tuple[str, ...], above: _Queue) -> Iterator[Branch]:
        for name in self.parts.get(parent, ()):
            yield self._branch(name, (*path, name), above)

    def _branch(self, name: str, path: tuple[str, ...], above: _Queue) -> Branch:
        held = self.classes[name]
        queue = above.under(held)
        return _new_branch(
            path=path,
            origin=(*self.origin, "classes", name),
            rate_bps=held.rate,
            ceil_bps=held.ceil,
            burst_bytes=held.burst,
            priority=queue.priority,
            latency_us=queue.latency_us,
            leaf=queue.leaf,
            impairment=queue.impairment,
            is_default=name == self.default,
            receives=bool(held.match),
            branches=tuple(self.below(name, path, queue)) if name in self.parts else (),
        )


def asked_in_order(direction: QosDirection, tree: Tree) -> tuple[Classed, ...]:
    """What belongs to which class, in the order of asking: that of the file, but a class's parts before itself."""
    classes = direction.classes
    return tuple(
        _new_classed(classid=tree.classid(lineage(classes, name)), matches=classes[name].match)
        for name in in_order(direction)
        if classes[name].match
    )


def in_order(direction: QosDirection) -> Iterator[str]:
    """The classes in the order in which they are asked."""
    return _parts_first(parts_of(direction.classes), None)


def _parts_first(parts: Parts, parent: str | None) -> Iterator[str]:
    for name in parts.get(parent, ()):
        if name in parts:
            yield from _parts_first(parts, name)
        yield name
