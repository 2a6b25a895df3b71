"""What a policy must be to become a tree, whatever link it is for.

Rules: everything that is wrong is found, each at its place in the policy. What depends on the link (what a frame
takes, what the kernel has) is for shaping.py to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from weft.compiler.draft import Draft
from weft.compiler.qos.classify import families_of, says_nothing
from weft.compiler.qos.tree import MAX_LEVELS
from weft.model.intent import Path
from weft.model.qos import QosClass, QosDirection, QosMatch, QosPolicy, Shape
from weft.model.qos_words import PORT_PROTOCOLS, rate_text, time_text
from weft.model.words import among, closest
from weft.records import dataclass

_OF_FAMILY = {"icmp": 4, "icmpv6": 6}
_OTHER = {"icmp": "icmpv6", "icmpv6": "icmp"}
Say = Callable[[Path, str, str], None]


def check_policy(draft: Draft, policy: QosPolicy, path: Path) -> bool:
    """Find what is wrong; whether nothing is."""
    before = len(draft.findings)
    for name, direction in (("egress", policy.egress), ("ingress", policy.ingress)):
        if direction is not None:
            _check_direction(direction, (*path, name), draft.error)
    return len(draft.findings) == before


def _check_direction(direction: QosDirection, path: Path, say: Say) -> None:
    _check_shape(direction, path, say)
    if direction.layer == "atm" and direction.overhead < 0:
        say((*path, "overhead"), "cells can only be counted of more than the frame", "an overhead of 0 or more")
    _check_default(direction, path, say)
    parts = parts_of(direction.classes)
    for name, held in direction.classes.items():
        where = (*path, "classes", name)
        _check_class(direction, name, held, where, say)
        if not held.match and name not in parts and direction.default != name:
            say(where, f"nothing can come to class {name}", f"a `match`, or `default: {name}` beside the classes")
    if all(lineage(direction.classes, name) for name, held in direction.classes.items() if held.parent is not None):
        _check_shares(direction, path, say)


def _check_default(direction: QosDirection, path: Path, say: Say) -> None:
    default, known = direction.default, direction.classes
    if default is not None and default not in known:
        meant = closest(default, known)
        fix = f"did you mean {meant}?" if meant else f"its classes: {', '.join(known) or 'none'}"
        say((*path, "default"), f"there is no class {default}", fix)


def _check_class(direction: QosDirection, name: str, held: QosClass, path: Path, say: Say) -> None:
    _check_shape(held, path, say)
    if held.parent is not None:
        _check_parent(direction.classes, name, held.parent, path, say)
    for at, match in enumerate(held.match):
        _check_match(match, (*path, "match", str(at)), say)


def _check_parent(known: Mapping[str, QosClass], name: str, parent: str, path: Path, say: Say) -> None:
    if parent not in known:
        meant = closest(parent, known)
        fix = f"did you mean {meant}?" if meant else f"its fellows: {', '.join(known)}"
        say((*path, "parent"), f"there is no class {parent}", fix)
    elif not (levels := lineage(known, name)):
        say((*path, "parent"), f"{name} would be a part of itself", "take one of them out of the loop")
    elif len(levels) >= MAX_LEVELS:
        what = f"{name} stands {len(levels) + 1} levels deep, and HTB has {MAX_LEVELS} with the whole"
        say((*path, "parent"), what, f"at most {MAX_LEVELS - 1} classes below each other")


def lineage(classes: Mapping[str, QosClass], name: str) -> tuple[str, ...]:
    """A class and those that it is part of, from the outermost down; nothing where they go in a circle."""
    found: tuple[str, ...] = (name,)
    while (parent := classes[found[0]].parent) is not None and parent in classes:
        if parent in found:
            return ()
        found = (parent, *found)
    return found


def _check_match(match: QosMatch, path: Path, say: Say) -> None:
    if says_nothing(match):
        say(path, "a match that says nothing matches everything", "leave `match` out and say `default: CLASS`")
    if match.source and match.destination and not families_of(match):
        what = "source and destination are of different families: no packet is"
        say((*path, "source"), what, "a match for each family")
    if family := missed_family(match):
        what = f"{match.protocol} is of IPv{family}, and the addresses are not: no packet is"
        say((*path, "protocol"), what, f"protocol: {_OTHER[match.protocol or '']}, or addresses of IPv{family}")
    for key, ports in (("ports", match.ports), ("source_ports", match.source_ports)):
        if ports and match.protocol not in PORT_PROTOCOLS:
            of = f"{match.protocol} has no ports" if match.protocol else f"{key} without a protocol"
            say((*path, key), of, f"protocol: {among(sorted(PORT_PROTOCOLS))}")


def missed_family(match: QosMatch) -> int | None:
    """The family that a protocol is of and no address; None where they go together."""
    family = _OF_FAMILY.get(match.protocol or "")
    addressed = families_of(match) if family else None
    return family if addressed and family not in addressed else None


def _check_shape(shape: Shape, path: Path, say: Say) -> None:
    if shape.rate is not None and shape.ceil is not None and shape.ceil < shape.rate:
        what = f"a ceil of {rate_text(shape.ceil)} is below the rate of {rate_text(shape.rate)}"
        say((*path, "ceil"), what, f"at least {rate_text(shape.rate)}, or a smaller rate")
    line = shape.impairment
    if line is None:
        return
    if line.jitter and line.jitter > (line.delay or 0):
        what = f"a jitter of {time_text(line.jitter)} is more than the delay of {time_text(line.delay or 0)}"
        say((*path, "impairment", "jitter"), what, "a delay of at least as much")
    if line.reorder and not line.delay:
        say((*path, "impairment", "reorder"), "what comes early is what is not delayed, and nothing is", "add a delay")


# what is guaranteed, against what there is


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody is guaranteed of a whole."""

    name: str
    rate_bps: int


Parts = Mapping[str | None, list[str]]
"""The classes of each parent, None being the whole."""


def parts_of(classes: Mapping[str, QosClass]) -> Parts:
    found: dict[str | None, list[str]] = {}
    for name, held in classes.items():
        found.setdefault(held.parent, []).append(name)
    return found


def guaranteed(classes: Mapping[str, QosClass], parts: Parts, parent: str | None) -> list[Share]:
    """What the classes of a parent are guaranteed: of each its own rate, or what its parts are, if that is more."""
    found = []
    for name in parts.get(parent, ()):
        inner = sum(share.rate_bps for share in guaranteed(classes, parts, name)) if name in parts else 0
        if rate_bps := max(classes[name].rate or 0, inner):
            found.append(Share(name, rate_bps))
    return found


def too_much(shares: list[Share], limit_bps: int) -> str:
    """The sum and who asks for what, where that is more than there is; else ""."""
    total = sum(share.rate_bps for share in shares)
    if total <= limit_bps:
        return ""
    asked = " + ".join(f"{share.name} {rate_text(share.rate_bps)}" for share in shares)
    return f"{asked} = {rate_text(total)} are guaranteed of {rate_text(limit_bps)}"


def too_much_for_line(direction: QosDirection, capacity_bps: int) -> str:
    """As `too_much`, of the whole on a line that carries this, whatever limit the policy itself says."""
    shares = guaranteed(direction.classes, parts_of(direction.classes), None)
    if found := too_much(shares, capacity_bps):
        return found
    if direction.rate is not None and direction.rate > capacity_bps:
        return f"{rate_text(direction.rate)} are guaranteed of {rate_text(capacity_bps)}"
    return ""


def has_enough(direction: QosDirection, names: Iterable[str]) -> bool:
    """Whether the whole, and all that these classes are part of, can give what is guaranteed of it."""
    classes, parts = direction.classes, parts_of(direction.classes)
    above = {name: classes[name] for each in names for name in lineage(classes, each)}
    holders: list[tuple[str | None, Shape]] = [(None, direction), *above.items()]
    limits = ((name, held.rate if held.ceil is None else held.ceil) for name, held in holders)
    return not any(too_much(guaranteed(classes, parts, name), limit) for name, limit in limits if limit is not None)


def _check_shares(direction: QosDirection, path: Path, say: Say) -> None:
    parts = parts_of(direction.classes)
    for name in parts:
        held = direction if name is None else direction.classes.get(name)
        if held is None:
            continue  # a parent that is not there is told already
        limit = held.rate if held.ceil is None else held.ceil
        what = too_much(guaranteed(direction.classes, parts, name), limit) if limit is not None else ""
        if what:
            where = path if name is None else (*path, "classes", name)
            say((*where, "rate" if held.ceil is None else "ceil"), what, "smaller rates, or a higher ceil")
