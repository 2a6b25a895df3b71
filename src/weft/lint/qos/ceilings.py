"""Limits that limit nothing, for what they are a part of has less.

Rules: of a link's `capacity` only what it sends is held against: a line may carry more in than out. What a tenant or
network has of the way out is the compiler's to find, which knows where that leads.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.lint.qos.stated import LinkUse, Stated, directions, link_uses
from weft.model.intent import Intent, Path
from weft.model.qos import QosDirection, Shape
from weft.model.qos_words import rate_text


def ceils_beyond_line(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A class's or a policy's ceil above what the link behind it carries."""
    for use in link_uses(intent):
        stated = use.directions.get("egress")
        if stated is not None and use.link.capacity is not None:
            yield from _beyond(use, stated, use.link.capacity)


def _beyond(use: LinkUse, stated: Stated, capacity_bps: int) -> Iterator[Finding]:
    whole = stated.direction
    fix = f"`ceil: {rate_text(capacity_bps)}` or less, or a larger `capacity` if that is true"
    carries = f"is above the {rate_text(capacity_bps)} that {use.ifname} carries"
    if whole.ceil is not None and whole.ceil > capacity_bps:
        what = f"a ceil of {rate_text(whole.ceil)} {carries}: packets wait behind the link, where no class goes first"
        yield _warning((*stated.path, "ceil"), what, fix)
    for path, _, held in stated.classes():
        if held.ceil is not None and held.ceil > capacity_bps and not _is_above(held, whole):
            what = f"a ceil of {rate_text(held.ceil)} {carries}: it limits nothing"
            yield _warning((*path, "ceil"), what, fix)


def ceils_beyond_whole(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A class's ceil above that of the class that it is part of, or of the whole."""
    for stated in directions(intent):
        for path, _, held in stated.classes():
            part_of = stated.direction.classes.get(held.parent or "")
            over, name = (part_of, held.parent) if part_of and _limit(part_of) else (stated.direction, "the whole")
            limit_bps = _limit(over)
            if held.ceil is not None and limit_bps is not None and held.ceil > limit_bps:
                above = f"a ceil of {rate_text(held.ceil)} is above the {rate_text(limit_bps)} of {name}"
                fix = f"`ceil: {rate_text(limit_bps)}` or less, or more for {name}"
                yield _warning((*path, "ceil"), f"{above}: it limits nothing", fix)


def _limit(shape: Shape) -> int | None:
    return shape.rate if shape.ceil is None else shape.ceil


def _is_above(held: Shape, whole: QosDirection) -> bool:
    """Whether it is told of already."""
    limit_bps = _limit(whole)
    return held.ceil is not None and limit_bps is not None and held.ceil > limit_bps


def _warning(path: Path, what: str, fix: str) -> Finding:
    return Finding(path=path, what=what, fix=fix, severity="warning")
