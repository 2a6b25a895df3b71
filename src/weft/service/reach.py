"""`weft check reach`: what should reach what, what does, and where they differ, what is wrong on the way.

Rules: takes no lock, so it works while an apply runs; what it says is then of that moment. Expectation is of the
desired state, so that what somebody changed behind weft's back is a difference; of the host's own only its addresses
count beside, for it asks by them, and the bridges that networks stand on, for they join them. The suspects are what
`status` finds, on the way of the pair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from weft.check.reach import Measured, Outcome, Protocol, measure
from weft.check.reach.guests import is_open
from weft.errors import IntentInvalid, Problem
from weft.files import Loaded
from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import ChildLink, Link
from weft.model.intent import Intent
from weft.netlink.namespaces import Namespaces
from weft.reach import FAMILIES, Endpoint, Expectation, Reach, World, endpoints, expect, routers
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.reach_choice import Choice, choose, outsiders, targets
from weft.service.service import Service
from weft.service.status import status_of
from weft.service.suspects import Suspect, Suspects
from weft.service.watcher import Watcher
from weft.state import HOST, KernelObject, Key, State, link_key

MOST_PAIRS = 50_000
"""So many are measured at once: some 220 ports. Each takes some seven kilobytes and sixteen questions."""


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
    networks from which nobody asks, though something could be asked from there; `idle`: those from which somebody
    could, and there is nothing to ask."""

    scope: str
    ports: tuple[Endpoint, ...]
    unopened: frozenset[str]
    pairs: tuple[Pair, ...]
    elapsed_s: float
    asking: int = 0
    able: int = 0
    outside: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[Pair, ...]:
        return tuple(pair for pair in self.pairs if pair.differing)

    @property
    def clean(self) -> bool:
        return not self.differing

    @property
    def is_blind(self) -> bool:
        """Whether there was something to measure, and nothing of it could be."""
        return bool(self.pairs) and not any(pair.outcomes for pair in self.pairs)


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
    prepared = service.prepare(loaded, lenient=True)
    prepared.demand_applied("`weft apply` it first; `weft trace` tells what the file alone would let through")
    choice = choose(loaded.intent, _found(loaded.intent, prepared, outside), ports, protocols)
    _demand_few(choice)
    expectations = list(_expectations(prepared, choice.pairs))
    measured = _measured(expectations, protocols, watcher)
    ends = {end.name: end for end in (*choice.selected, *chain.from_iterable(choice.pairs))}
    return Reached(
        scope=prepared.scope,
        ports=tuple(ends.values()),
        unopened=frozenset(end.name for end in ends.values() if end.is_guest and not is_open(end.ifname)),
        pairs=tuple(_with_suspects(_pairs(expectations, measured), prepared, service)),
        elapsed_s=measured.elapsed_s,
        asking=choice.asking,
        able=choice.able,
        outside=choice.outside,
        idle=choice.idle,
    )


def _found(intent: Intent, prepared: Prepared, outside: Sequence[str]) -> list[Endpoint]:
    """All that may ask or be asked. Raises: IntentInvalid for an address that nobody can ask with."""
    ports = endpoints(intent, prepared.desired, prepared.paths)
    found = [*ports, *targets(intent, prepared.desired, ports)]
    if outside:
        found += routers(intent, prepared.desired, prepared.paths)
        found += outsiders(intent, State(prepared.observed | prepared.desired), outside)
    return found


def _demand_few(choice: Choice) -> None:
    """Raises: IntentInvalid where more is asked than can be at once."""
    if len(choice.pairs) > MOST_PAIRS:
        are = f"{len(choice.selected):,} ports are {len(choice.pairs):,} pairs"
        what = f"{are}; at once {MOST_PAIRS:,} can be measured"
        raise IntentInvalid([Problem(where="--port", what=what, fix="choose one port, or a tenant's: --port 'shop/*'")])


def _measured(
    expectations: Sequence[Expectation], protocols: Collection[Protocol], watcher: Watcher | None
) -> Measured:
    if watcher is not None:
        watcher.start(sum(known.reach is not Reach.OPEN for known in expectations) * len(protocols))
    namespaces = Namespaces()
    try:
        return measure(namespaces, expectations, protocols, watcher or (lambda settled: None))
    finally:
        namespaces.close()


def on_its_ground(desired: State, observed: State) -> State:
    """What is wanted, with the addresses that the host has besides, and its bridges that wanted links are ports of or
    stand on. Those count as up: with a network that stands on one, that is wanted."""
    own = (obj for obj in observed.values() if isinstance(obj, Address) and obj.netns == HOST)
    held: dict[Key, KernelObject] = {obj.key: obj for obj in own}
    for link in desired.values():
        for key in _stands_on(link):
            bridge = observed.get(key)
            if isinstance(bridge, Bridge):
                held[key] = replace(bridge, up=None)
    return State(held | desired)


def _stands_on(link: KernelObject) -> Iterator[Key]:
    if isinstance(link, Link) and link.netns == HOST and link.master:
        yield link_key(HOST, link.master)
    if isinstance(link, ChildLink) and link.parent.netns == HOST:
        yield link.parent


def _expectations(prepared: Prepared, pairs: Sequence[tuple[Endpoint, Endpoint]]) -> Iterator[Expectation]:
    """What comes from outside meets all of the host, others' links and routes too."""
    world = World(on_its_ground(prepared.desired, prepared.observed))
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
    whys = {**measured.faults, **measured.unasked} if known.reach is Reach.NO else measured.unasked
    why = next(filter(None, (whys.get((name, known.family)) for name in ends)), "")
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
