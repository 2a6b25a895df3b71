"""`weft check reach`: what should reach what, what does, and where they differ, what is wrong on the way.

Rules: takes no lock, so it works while an apply runs; what it says is then of that moment. Expectation is of the
desired state, so that what somebody changed behind weft's back is a difference; of the host's own only its addresses
count beside, for it asks by them. The suspects are what `status` finds, on the way of the pair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol as Interface

from weft.check.reach import Measured, Outcome, Protocol, measure
from weft.check.reach.guests import is_open
from weft.errors import IntentInvalid, Problem
from weft.files import Loaded
from weft.kinds.ip.address import Address
from weft.netlink.namespaces import Namespaces
from weft.reach import FAMILIES, Endpoint, Expectation, Reach, World, endpoints, expect, routers
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.reach_choice import Choice, outsiders, targets
from weft.service.service import Service
from weft.service.status import status_of
from weft.service.suspects import Suspect, Suspects
from weft.state import HOST, State

MOST_PAIRS = 50_000
"""So many are measured at once: some 220 ports. Each takes some seven kilobytes and sixteen questions."""


class Watcher(Interface):
    """Is told how many questions there are, and then of each lot that is settled."""

    def start(self, total: int) -> None: ...
    def __call__(self, done: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One port asking another, in the families they share. `outcomes`: what was measured, empty where nothing can be;
    `suspects`: what differs on the way, where an outcome does."""

    source: Endpoint
    target: Endpoint
    expectations: tuple[Expectation, ...]
    outcomes: tuple[Outcome, ...]
    suspects: tuple[Suspect, ...] = ()

    @property
    def differing(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.differs)

    @property
    def reach(self) -> Reach:
        """Whether it should reach, in any family; OPEN where nothing was measured."""
        wanted = {outcome.expectation.reach for outcome in self.outcomes}
        return Reach.YES if Reach.YES in wanted else Reach.NO if wanted else Reach.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """`ports`: those of all pairs, the selected first. `unopened`: names of those that are taps nobody has open.
    `elapsed_s`: of measuring alone. `asking` of the `able` ports ask what is asked by floating IPs. `outside`: external
    networks from which nobody asks, though something could be asked from there."""

    scope: str
    ports: tuple[Endpoint, ...]
    unopened: frozenset[str]
    pairs: tuple[Pair, ...]
    elapsed_s: float
    asking: int = 0
    able: int = 0
    outside: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.differing)

    @property
    def clean(self) -> bool:
        return not self.differing


def check_reach(
    service: Service,
    loaded: Loaded,
    ports: Sequence[str] = (),
    protocols: Collection[Protocol] = tuple(Protocol),
    watcher: Watcher | None = None,
    outside: Sequence[str] = (),
) -> Reached:
    """Measure all pairs of an intent's ports, or of those selected, and its floating IPs from each port.

    `ports`: names and patterns (`web`, `shop/web`, `shop/*`, `203.0.113.10`); of one port alone, the pairs
    that it is part of. `outside`: addresses of external networks that nobody has, to ask from there with.
    Raises: IntentInvalid where nothing is applied, a name fits no port, an address is not free in an external network,
    or there are more pairs than MOST_PAIRS; NotPermitted, DumpInterrupted, and as Service.prepare.
    """
    prepared = service.prepare(loaded)
    prepared.demand_applied("`weft apply` it first; `weft trace` tells what the file alone would let through")
    ports_there = endpoints(loaded.intent, prepared.desired, prepared.paths)
    found = [*ports_there, *targets(loaded.intent, prepared.desired, ports_there)]
    if outside:
        found += routers(loaded.intent, prepared.desired, prepared.paths)
        found += outsiders(loaded.intent, State(prepared.observed | prepared.desired), outside)
    choice = Choice(loaded.intent, found, ports, protocols)
    selected, asked = choice.selected, choice.pairs
    if len(asked) > MOST_PAIRS:
        what = f"{len(selected):,} ports are {len(asked):,} pairs; at once {MOST_PAIRS:,} can be measured"
        raise IntentInvalid([Problem(where="--port", what=what, fix="choose one port, or a tenant's: --port 'shop/*'")])
    expectations = list(_expectations(prepared, asked))
    if watcher is not None:
        watcher.start(sum(known.reach is not Reach.OPEN for known in expectations) * len(protocols))
    namespaces = Namespaces()
    try:
        measured = measure(namespaces, expectations, protocols, watcher or (lambda settled: None))
    finally:
        namespaces.close()
    ends = {end.name: end for end in (*selected, *(end for pair in asked for end in pair))}
    return Reached(
        scope=prepared.scope,
        ports=tuple(ends.values()),
        unopened=frozenset(end.name for end in ends.values() if end.is_guest and not is_open(end.ifname)),
        pairs=tuple(_with_suspects(_pairs(expectations, measured), prepared, service)),
        elapsed_s=measured.elapsed_s,
        asking=choice.asking,
        able=choice.able,
        outside=choice.outside,
    )


def _with_addresses(prepared: Prepared) -> State:
    """What is wanted, and the addresses that the host has besides."""
    held = prepared.observed.items()
    own = {key: obj for key, obj in held if isinstance(obj, Address) and obj.netns == HOST}
    return State(own | prepared.desired)


def _expectations(prepared: Prepared, pairs: Sequence[tuple[Endpoint, Endpoint]]) -> Iterator[Expectation]:
    """What comes from outside meets all of the host, others' links and routes too."""
    world = World(_with_addresses(prepared))
    around = World(prepared.on_this_host) if any(source.comes_by for source, _ in pairs) else world
    for source, target in pairs:
        for family in (6 if ":" in target.floating else 4,) if target.floating else FAMILIES:
            yield expect(around if source.comes_by else world, source, target, family)


def _pairs(expectations: Iterable[Expectation], measured: Measured) -> Iterator[Pair]:
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in measured.outcomes:
        outcomes.setdefault(_names(outcome.expectation), []).append(outcome)
    known: dict[tuple[str, str], list[Expectation]] = {}
    for expectation in expectations:
        known.setdefault(_names(expectation), []).append(expectation)
    for names, of in known.items():
        measured_of = tuple(outcomes.get(names, ()))
        of = [_unasked(one, measured) for one in of]
        yield Pair(source=of[0].source, target=of[0].target, expectations=tuple(of), outcomes=measured_of)


def _unasked(known: Expectation, measured: Measured) -> Expectation:
    ends = (known.source.name, known.target.name)
    why = next(filter(None, (measured.unasked.get((name, known.family)) for name in ends)), "")
    return replace(known, reach=Reach.OPEN, why=why) if why else known


def _with_suspects(pairs: Iterable[Pair], prepared: Prepared, service: Service) -> Iterator[Pair]:
    suspects: Suspects | None = None
    for pair in pairs:
        if not pair.differing:
            yield pair
            continue
        if suspects is None:
            status = status_of(prepared, service.is_unfinished(prepared.scope))
            suspects = Suspects(prepared, status.differences)
        yield replace(pair, suspects=suspects.of([outcome.expectation for outcome in pair.differing]))


def _names(expectation: Expectation) -> tuple[str, str]:
    return expectation.source.name, expectation.target.name
