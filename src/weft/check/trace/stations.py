"""Where along a traced way a packet can be seen: in at a place, and out of it again.

Rules: pure. Hops of one namespace that follow each other are one station, of a bridge or of routing. What a rule or a
route stops is seen to come in at its station, and not to go out; what is lost between two of them is seen to leave one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from weft.backends.nft_tracing import BRIDGE, INET, Spot
from weft.records import dataclass
from weft.trace import Hop, Leg, Sort

_AT_A_HOOK = (Sort.SPOOFING, Sort.GROUPS, Sort.ROUTE, Sort.REVERSE_PATH, Sort.FIREWALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """`enters`, `leaves`: hooks of its spot in `netns`; `goes_on`: whether it should be seen leaving, None where that
    says nothing. `hops`: from which to which, as numbers within the leg."""

    netns: str
    spot: Spot
    place: str
    enters: str
    leaves: str
    goes_on: bool | None
    hops: range


def stations_of(leg: Leg, *, comes_in: bool = False) -> list[Station]:
    """Of one way, in order. `comes_in`: from outside of the machine."""
    runs = list(_runs(leg.hops))
    return [_station(leg, run, at == 0 and not comes_in, at == len(runs) - 1) for at, run in enumerate(runs)]


def _runs(hops: Sequence[Hop]) -> Iterator[range]:
    """Hops that are seen at the same place. What queues or is too large is part of where it leaves. A tap has no hooks
    that a packet for a guest would pass."""
    told = [(at, hop) for at, hop in enumerate(hops) if hop.sort not in (Sort.QOS, Sort.MTU, Sort.GUEST)]
    for _, run in groupby(told, key=lambda pair: (pair[1].netns, pair[1].over)):
        numbers = [at for at, _ in run]
        yield range(numbers[0], numbers[-1] + 1)


def _station(leg: Leg, run: range, is_first: bool, is_last: bool) -> Station:
    hops = [leg.hops[at] for at in run]
    over = hops[0].over
    spot = Spot(BRIDGE, *over) if over is not None else Spot(INET, "", _way_out(hops))
    arrives = is_last and any(hop.sort is Sort.ENDS and "is here" in hop.said for hop in hops)
    return Station(
        netns=hops[0].netns,
        spot=spot,
        place=hops[0].place,
        enters="output" if is_first and spot.family == INET else "prerouting",
        leaves="input" if arrives else "postrouting",
        goes_on=_goes_on(leg.hops[run[0] :] if is_last else hops),
        hops=run,
    )


def _way_out(hops: Sequence[Hop]) -> str:
    """The link that the route of a station leads to, "" for none."""
    links = (
        key.name for hop in hops if hop.sort is Sort.ROUTE and hop.passes for key in hop.keys if key.table == "link"
    )
    return next(links, "")


def _goes_on(hops: Sequence[Hop]) -> bool | None:
    """None where what stops it is behind the last hook: wires, sizes, the wrong end."""
    stopping = next((hop for hop in hops if hop.passes is False), None)
    if stopping is None:
        return True
    return False if stopping.sort in _AT_A_HOOK else None
