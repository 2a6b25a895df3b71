"""Classes that nothing comes to, for others before them take all that they match.

Rules: asked in the order of the compiler: a class's parts before itself, whatever the order of the file. What a class
leaves to its own parts is not lost to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from weft.compiler.findings import Finding
from weft.compiler.qos.branches import in_order
from weft.compiler.qos.checks import Parts, lineage, parts_of
from weft.facts import Facts
from weft.lint.qos.packets import Box, Space, Taken
from weft.lint.qos.stated import directions
from weft.model.intent import Intent
from weft.model.qos import QosClass, QosDirection
from weft.records import dataclass

_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A class and who takes all that it matches. `shadowed`: who of them would have nothing instead, were it first."""

    name: str
    takers: Sequence[str]
    shadowed: Sequence[str]


def shadowed_classes(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """The default of a direction has at least what no class matches."""
    for stated in directions(intent):
        classes = stated.direction.classes
        untold: list[str] = []
        for shadow in shadows(stated.direction, untold):
            if shadow.name != stated.direction.default:
                yield Finding(
                    path=(*stated.path, "classes", shadow.name),
                    what=_what(shadow, classes),
                    fix=_fix(shadow, classes),
                    severity="warning",
                )
        if untold:
            yield Finding(
                path=(*stated.path, "classes", untold[0]),
                what=f"whether anything comes to {_listed(untold)} is not told: it takes too long to find out",
                fix="see to it that no classes before have all that it matches",
                severity="warning",
            )


def shadows(direction: QosDirection, untold: list[str] | None = None) -> Iterator[Shadow]:
    """Every class of whose matches those before it take all, as far as that is cheap to tell. `untold`: takes those of
    which it is not."""
    classes = direction.classes
    space = Space([match for held in classes.values() for match in held.match])
    parts = parts_of(classes)
    earlier, boxes = Taken(), dict[str, Sequence[Box] | None]()
    for name in in_order(direction):
        boxes[name] = held = _boxes(space, classes[name])
        takers = earlier.takers(held, but=set(_below(parts, name))) if held else []
        if untold is not None and (held is None or takers is None):
            untold.append(name)
        if held and takers:
            alone = Taken()
            alone.add(name, held)
            yield Shadow(name=name, takers=takers, shadowed=[one for one in takers if alone.takers(boxes[one] or ())])
        earlier.add(name, held or ())


def _below(parts: Parts, name: str) -> Iterator[str]:
    for part in parts.get(name, ()):
        yield part
        yield from _below(parts, part)


def _boxes(space: Space, held: QosClass) -> Sequence[Box] | None:
    """None where it is too much to say what comes to it."""
    found = [space.boxes(match) for match in held.match]
    return None if None in found else [box for boxes in found for box in boxes or ()]


def _what(shadow: Shadow, classes: Mapping[str, QosClass]) -> str:
    has_parts = any(held.parent == shadow.name for held in classes.values())
    to = f"the rest of {shadow.name}" if has_parts else shadow.name
    return f"nothing comes to {to}: {_listed(shadow.takers)} before it {_has(shadow.takers)} all that it matches"


def _fix(shadow: Shadow, classes: Mapping[str, QosClass]) -> str:
    if shadow.shadowed:
        first = f"were it first, nothing would come to {_listed(shadow.shadowed)}"
        return f"let one of them match something else, or leave {shadow.name} out: {first}"
    apart = [_apart(classes, shadow.name, taker) for taker in shadow.takers]
    return f"put {apart[0][0]} before {_listed(list(dict.fromkeys(other for _, other in apart)))}"


def _apart(classes: Mapping[str, QosClass], name: str, other: str) -> tuple[str, str]:
    """The two, or what they are part of, where that is asked one after the other."""
    pairs = zip(lineage(classes, name), lineage(classes, other), strict=False)
    return next(((one, two) for one, two in pairs if one != two), (name, other))


def _listed(names: Sequence[str]) -> str:
    said = [*names[:_NAMED], *([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])]
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]


def _has(names: Collection[str]) -> str:
    return "has" if len(names) == 1 else "have"
