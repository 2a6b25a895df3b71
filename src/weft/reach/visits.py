"""Where on its way a packet passes the hooks of a namespace that routes it, and as what.

Rules: what bridges pass on is no visit. An address that is given before routing is the other from then on, one that is
given when it leaves from there on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weft.reach.steps import Carried, Delivered, Routed, Step, Translated
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """`came_by`: "" where it was sent; `out`: "" where it is delivered. `source`, `target`: as it came; `given_source`,
    `given_target`: as it leaves. `port`: of who is asked, as it leaves."""

    netns: str
    came_by: str
    out: str
    source: str
    target: str
    given_source: str
    given_target: str
    port: int


def visits(steps: Iterable[Step], port: int) -> Mapping[int, Visit]:
    """By the number of the step that ends it. `port`: that is asked."""
    found: dict[int, Visit] = {}
    given: list[Translated] = []
    is_routed = False
    for at, step in enumerate(steps):
        match step:
            case Translated():
                given.append(step)
                port = step.port or port
            case Routed():
                is_routed = step.way is not None
            case Carried():
                if is_routed:
                    found[at] = _visit(step, step.out.netns, step.out.name, given, port)
                given, is_routed = [], False
            case Delivered():
                found[at] = _visit(step, step.netns, "", given, port)
    return found


def _visit(step: Carried | Delivered, netns: str, out: str, given: list[Translated], port: int) -> Visit:
    first = {one.is_target: one.before for one in reversed(given)}
    return Visit(
        netns=netns,
        came_by=step.came_by,
        out=out,
        source=first.get(False, step.source),
        target=first.get(True, step.target),
        given_source=step.source,
        given_target=step.target,
        port=port,
    )
