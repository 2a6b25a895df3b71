"""A port of which nothing changed but figures of some classes: what these classes become, without all the others.

Rules: no number of a class depends on any but those that it is part of, save where hashes collide; so a policy of the
changed classes and of those above them makes of them what the whole does. Whoever goes this way compares what they
were with what stands, and goes the whole way where that differs or nothing is found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from weft.compiler.draft import Draft
from weft.compiler.place import PortPlace
from weft.compiler.qos.checks import check_policy, has_enough, lineage
from weft.compiler.qos.port import port_shapings
from weft.compiler.qos.put import of_classes
from weft.compiler.qos.shaping import Shaping
from weft.model.intent import Port
from weft.model.qos import QosClass, QosDirection, QosPolicy, QosUse
from weft.records import dataclass
from weft.state import State

Names = Mapping[str, Collection[str]]
"""Classes by the direction that they are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refigured:
    """The port with its new figures, and what the classes that they are of were and are to be."""

    place: PortPlace
    before: State
    after: State


def refigure(draft: Draft, place: PortPlace, port: Port) -> Refigured | None:
    """The port as `port` has it; None where more than figures of leaves is another, or anything is wrong."""
    names = _changed(place.port, port)
    if place.qos is None or port.qos is None or names is None or place.network.shared is not None:
        return None
    if not all(has_enough(_direction(port.qos, way), held) for way, held in names.items()):
        return None
    after = replace(place, port=port, qos=replace(place.qos, policy=_policy(port.qos)))
    was, is_now = (_objects(draft, one, names) for one in (place, after))
    if was is None or is_now is None or was.keys() != is_now.keys():
        return None
    return Refigured(place=after, before=was, after=is_now)


def _changed(before: Port, after: Port) -> Names | None:
    """The leaves that have other figures; None where anything else is another."""
    was, wants = before.qos, after.qos
    if was is None or wants is None or was.policy or replace(before, qos=wants) != after:
        return None
    if replace(was, egress=wants.egress, ingress=wants.ingress) != wants:
        return None
    found: dict[str, Collection[str]] = {}
    for way, one, other in (("egress", was.egress, wants.egress), ("ingress", was.ingress, wants.ingress)):
        if one is other:
            continue
        if one is None or other is None or (names := _changed_classes(one, other)) is None:
            return None
        if names:
            found[way] = names
    return found


def _changed_classes(before: QosDirection, after: QosDirection) -> Collection[str] | None:
    if list(before.classes) != list(after.classes) or replace(before, classes=after.classes) != after:
        return None
    was = before.classes
    changed = [name for name, held in after.classes.items() if held is not was[name] and held != was[name]]
    parents = {held.parent for held in after.classes.values()}
    is_figures = all(_bare(was[name]) == _bare(after.classes[name]) for name in changed)
    return changed if is_figures and parents.isdisjoint(changed) else None


def _bare(held: QosClass) -> QosClass:
    """Without its figures."""
    return replace(held, rate=None, ceil=None, burst=None, priority=None, latency=None)


def _objects(draft: Draft, place: PortPlace, names: Names) -> State | None:
    """What the named classes are in the tree of a port."""
    assert place.qos is not None
    policy = place.qos.policy
    narrow = QosPolicy(**{way: _narrowed(_direction(policy, way), held) for way, held in names.items()})
    if not check_policy(draft.branch(), narrow, place.qos.path):
        return None
    found = port_shapings(draft, replace(place, qos=replace(place.qos, policy=narrow)), None)
    return State.of(obj for one in found for obj in of_classes(one, names[one.direction])) if _fits(found) else None


def _fits(shapings: Collection[Shaping]) -> bool:
    wrong: Iterator[str] = (finding.severity for one in shapings for finding in one.findings)
    return all(one.is_tree for one in shapings) and "error" not in wrong


def _narrowed(direction: QosDirection, names: Collection[str]) -> QosDirection:
    """With just these classes and what they are part of."""
    kept = {each for name in names for each in lineage(direction.classes, name)}
    classes = {name: held for name, held in direction.classes.items() if name in kept}
    return replace(direction, classes=classes, default=direction.default if direction.default in kept else None)


def _policy(use: QosUse) -> QosPolicy:
    return QosPolicy(egress=use.egress, ingress=use.ingress)


def _direction(policy: QosPolicy, way: str) -> QosDirection:
    found: QosDirection = getattr(policy, way)
    return found
