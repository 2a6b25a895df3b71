"""Whether what is asked of a link can be given.

Rules: guarantees within an aggregate come out of it: of its `rate` where it has one, else they count where it counts,
and its `ceil` must hold them. A finding names the sum and the largest who ask, and stands once more at the line of
each of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, dotted
from weft.compiler.qos.demand import Demand, Direction, Inside, inside
from weft.model.intent import Path
from weft.model.qos_words import rate_text

_NAMED = 8
_WAY_WORDS: Mapping[Direction, str] = {"egress": "out by", "ingress": "in by"}


def capacity_path(link: str) -> Path:
    return ("host", "links", link, "capacity")


def demand_capacity(draft: Draft, link: str, demands: Sequence[Demand]) -> None:
    """Find that nobody says what a link carries: at whoever asks for a share of it."""
    fix = f"`host: links: {link}: {{existing: true, capacity: 1gbit}}`, with what the line really carries"
    for demand in demands[:_NAMED]:
        share = "a guarantee" if demand.port is not None or demand.rate_bps else "a limit for all of it"
        draft.error(demand.path, f"{share} on the way out needs to know what {link} carries", fix)


def admit(draft: Draft, link: str, capacity_bps: int, way: Direction, demands: Sequence[Demand]) -> None:
    """Find guarantees that come to more than there is, and limits of all together that nothing can come to. A port's
    own ceil is one among its fellows too."""
    below = inside(demands)
    for demand in demands:
        mine = below.get(demand.place, ())
        room = demand.rate_bps or demand.ceil_bps
        if mine and room is not None:
            word = "rate" if demand.rate_bps else "ceil"
            _admit(draft, (*demand.path, way), f"the {word} of {dotted(demand.path[:-1])}", room, mine, below)
        if demand.port is None and demand.ceil_bps is not None and demand.ceil_bps > capacity_bps:
            what = f"a ceil of {rate_text(demand.ceil_bps)} is above the {rate_text(capacity_bps)} that {link} carries"
            fix = f"`ceil: {rate_text(capacity_bps)}` or less, or a larger `capacity` if that is true"
            draft.warn((*demand.path, way, "ceil"), f"{what}: it limits nothing", fix)
    _admit(draft, capacity_path(link), f"what leads {_WAY_WORDS[way]} {link}", capacity_bps, below.get("", ()), below)


def _admit(draft: Draft, path: Path, of: str, room_bps: int, mine: Sequence[Demand], below: Inside) -> None:
    asks = {demand.place: _asks(demand, below) for demand in mine}
    total = sum(asks.values())
    if total <= room_bps:
        return
    largest = sorted((one for one in mine if asks[one.place]), key=lambda one: -asks[one.place])
    said = [f"{dotted(one.path[:-1])} {rate_text(asks[one.place])}" for one in largest[:_NAMED]]
    more = [f"{len(largest) - _NAMED} more"] if len(largest) > _NAMED else []
    what = f"guarantees come to {rate_text(total)} of {rate_text(room_bps)}, {of}: {', '.join([*said, *more])}"
    draft.error(path, what, "smaller rates, or a larger one here if that is true")
    for one in largest[:_NAMED]:
        draft.error(one.path, f"{rate_text(asks[one.place])} of {rate_text(total)} that are too much for {of}")


def _asks(demand: Demand, below: Mapping[str, Iterable[Demand]]) -> int:
    """What it takes of what it is part of: its own rate, else those within it."""
    return demand.rate_bps or sum(_asks(one, below) for one in below.get(demand.place, ()))


def check_line(draft: Draft, link: str, capacity_bps: int) -> None:
    """Find a capacity that the link itself has not, and what a tree at its root costs."""
    line = draft.facts.lines.get(link)
    if line is None:
        return
    if 0 < line.speed_bps < capacity_bps:
        what = f"{link} sends at {rate_text(line.speed_bps)}, so its queues fill below and no guarantee holds there"
        draft.warn(capacity_path(link), what, f"`capacity: {rate_text(line.speed_bps)}`, or less", Cause.MACHINE)
    warn_of_queues(draft, link, capacity_path(link))


def warn_of_queues(draft: Draft, link: str, path: Path) -> None:
    """Say what one root costs a link of the host's with several queues."""
    line = draft.facts.lines.get(link)
    if line is not None and line.queues > 1:
        what = f"one tree takes the place of {link}'s {line.queues} queues, which several processors fed at once"
        fix = "worth it where the line behind the link is slower than one processor sends, up to some 5 gbit/s"
        draft.warn(path, what, fix, Cause.MACHINE)
