"""`weft check reach`: what should reach what, what does, and where they differ, what is wrong on the way.

Rules: takes no lock, so it works while an apply runs; what it says is then of that moment. Expectation is of the
desired state, so that what somebody changed behind weft's back is a difference; the suspects are what `status` finds,
on the way of the pair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Protocol as Interface

from weft.check.reach import Measured, Outcome, Protocol, measure
from weft.check.reach.guests import is_open
from weft.errors import IntentInvalid, Problem
from weft.files import Loaded
from weft.netlink.namespaces import Namespaces
from weft.reach import FAMILIES, Endpoint, Expectation, Reach, World, endpoints, expect, floating
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service
from weft.service.status import status_of
from weft.service.suspects import Suspect, Suspects

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
    `elapsed_s`: of measuring alone."""

    scope: str
    ports: tuple[Endpoint, ...]
    unopened: frozenset[str]
    pairs: tuple[Pair, ...]
    elapsed_s: float

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
) -> Reached:
    """Measure all pairs of an intent's ports, or of those selected, and its floating IPs from each port.

    `ports`: names and patterns (`web`, `shop/web`, `shop/*`, `203.0.113.10`); of one port alone, the pairs
    that it is part of.
    Raises: IntentInvalid where a name fits no port or there are more pairs than MOST_PAIRS, NotPermitted,
    DumpInterrupted, and as Service.prepare.
    """
    prepared = service.prepare(loaded)
    ports_there = endpoints(loaded.intent, prepared.desired, prepared.paths)
    found = [*ports_there, *floating(loaded.intent, prepared.desired, ports_there)]
    selected = select(found, ports)
    asked = pairs_of(found, selected)
    if len(asked) > MOST_PAIRS:
        what = f"{len(selected):,} ports are {len(asked):,} pairs; at once {MOST_PAIRS:,} can be measured"
        raise IntentInvalid([Problem(where="--port", what=what, fix="choose one port, or a tenant's: --port 'shop/*'")])
    expectations = list(_expectations(World(prepared.desired), asked))
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
    )


def select(found: Sequence[Endpoint], words: Sequence[str]) -> list[Endpoint]:
    """The ports that any of the words fits, all where there are none. Raises: IntentInvalid for one that fits none."""
    strange = [word for word in words if not any(_fits(end, word) for end in found)]
    if strange:
        fix = "PORT, TENANT/PORT or a pattern such as TENANT/*; `weft show` lists them"
        raise IntentInvalid([Problem(where=word, what="no port has that name", fix=fix) for word in strange])
    return [end for end in found if not words or any(_fits(end, word) for word in words)]


def pairs_of(found: Sequence[Endpoint], selected: Sequence[Endpoint]) -> list[tuple[Endpoint, Endpoint]]:
    """Each of the selected with each other, both ways; one alone with all there are. A floating IP asks nobody."""
    if len(selected) == 1 < len(found):
        (one,) = selected
        others = [end for end in found if end is not one]
        pairs = [(one, other) for other in others] + [(other, one) for other in others]
    else:
        pairs = [(source, target) for source in selected for target in selected if source is not target]
    return [(source, target) for source, target in pairs if not source.floating]


def _fits(end: Endpoint, word: str) -> bool:
    name = end.name if "/" in word else end.path[-1]
    return name == word or fnmatchcase(name, word)


def _expectations(world: World, pairs: Iterable[tuple[Endpoint, Endpoint]]) -> Iterator[Expectation]:
    for source, target in pairs:
        for family in FAMILIES:
            yield expect(world, source, target, family)


def _pairs(expectations: Iterable[Expectation], measured: Measured) -> Iterator[Pair]:
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in measured.outcomes:
        outcomes.setdefault(_names(outcome.expectation), []).append(outcome)
    known: dict[tuple[str, str], list[Expectation]] = {}
    for expectation in expectations:
        known.setdefault(_names(expectation), []).append(expectation)
    for names, of in known.items():
        measured_of = tuple(outcomes.get(names, ()))
        yield Pair(source=of[0].source, target=of[0].target, expectations=tuple(of), outcomes=measured_of)


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
