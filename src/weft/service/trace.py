"""`weft trace`: why a packet passes or not, by what the kernel holds or by what the file says.

Rules: takes no lock. What is asked of the machine is what it is now, somebody else's routes and links on the host too;
where the file would have it otherwise, both are said. Of what the file wants, the host's side is as the machine has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from weft.backends.others import OthersHere
from weft.check.trace import Live, follow
from weft.compiler import planted
from weft.compiler.qos.planted import Planted
from weft.files import Loaded
from weft.kinds.tc.qdisc import QDISC
from weft.model.intent import Path
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service
from weft.service.status import Difference, Drift, status_of
from weft.state import HOST, Key, netns_key
from weft.trace import Fate, Hint, Others, Talk, Trace, Tracer


class Basis(StrEnum):
    """OBSERVED: what the kernel holds. DESIRED: what the file says."""

    OBSERVED = "observed"
    DESIRED = "desired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """As it was asked. `size` in bytes, None for one that fits everywhere; `whole`: nobody may split it."""

    source: str
    target: str
    talk: Talk
    family: int | None = None
    size: int | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """`wanted`: the trace by the file, where that comes to another verdict. `drift`: what differs from the file on the
    way. `live`: what a real packet did, where one was asked for."""

    prepared: Prepared
    basis: Basis
    trace: Trace
    wanted: Trace | None = None
    drift: tuple[Difference, ...] = ()
    live: Live | None = None

    @property
    def passes(self) -> bool:
        """As far as is known; a real packet must not say otherwise, and decides where nothing else can."""
        if self.live is not None and self.live.differs:
            return False
        is_answered = self.live is not None and bool(self.live.answered.how)
        return self.trace.fate is Fate.PASSES or (self.trace.fate is Fate.OPEN and is_answered)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """Where the file says what is asked for, nothing in the file would have to change."""
        if self.wanted is not None and self.drift:
            return (Hint(said="the file says otherwise: `weft apply` puts the machine right"),)
        return self.trace.hints

    def where(self, path: Path) -> str:
        """file:line:column, "" for nothing that the file says."""
        return self.prepared.loaded.origins.at(path) if path and self.prepared.loaded else ""


def trace(
    service: Service, loaded: Loaded, question: Question, basis: Basis | None = None, *, live: bool = False
) -> Traced:
    """Trace a question. `basis` None: the machine, or the file as long as nothing is applied. `live`: send it too.

    Raises: IntentInvalid where a word of the question means nobody, or nothing is applied that could be asked;
    NotPermitted, FeatureMissing, and as Service.prepare.
    """
    prepared = service.prepare(loaded, lenient=True)
    if live or basis is Basis.OBSERVED:
        prepared.demand_applied(f"`weft apply` it, or ask by --state {Basis.DESIRED} alone")
    if basis is None:
        basis = Basis.OBSERVED if prepared.is_applied else Basis.DESIRED
    others = OthersHere(service.namespaces)
    desired = ask(tracer_of(prepared, Basis.DESIRED, others), question)
    found = desired if basis is Basis.DESIRED else ask(tracer_of(prepared, basis, others), question)
    return Traced(
        prepared=prepared,
        basis=basis,
        trace=found,
        wanted=desired if desired.fate is not found.fate else None,
        drift=tuple(_drift(service, prepared, (found, desired))) if prepared.is_applied else (),
        live=follow(service.namespaces, found) if live else None,
    )


def ask(tracer: Tracer, question: Question) -> Trace:
    """Raises: IntentInvalid."""
    return tracer.trace(
        question.source,
        question.target,
        question.talk,
        family=question.family,
        size=question.size,
        whole=question.whole,
    )


def tracer_of(prepared: Prepared, basis: Basis, others: Others | None = None) -> Tracer:
    """Over what the kernel holds, or what the file wants on this machine's host. `others`: what is not weft's, of both
    alike."""
    assert prepared.loaded is not None
    state = prepared.observed if basis is Basis.OBSERVED else prepared.on_this_host
    return Tracer(prepared.loaded.intent, prepared.desired, prepared.paths, state, _planted(prepared), others)


def _planted(prepared: Prepared) -> Sequence[Planted]:
    """What queues where; nobody is asked where nothing does."""
    if prepared.loaded is None or prepared.facts is None or not any(key.table == QDISC for key in prepared.desired):
        return ()
    return planted(prepared.loaded.intent, prepared.facts, lenient=True)


def _drift(service: Service, prepared: Prepared, traces: Iterable[Trace]) -> Iterable[Difference]:
    """What is other than asked for among all that decides, and strange links where a packet passes."""
    if not prepared.plan.changes and not prepared.foreign:
        return
    traces = tuple(traces)
    hops = [hop for one in traces for hop in one.hops]
    legs = (leg for one in traces for leg in (one.there, one.back) if leg is not None)
    keys = {key for hop in hops for key in hop.keys}.union(*(leg.keys for leg in legs))
    places = {hop.netns for hop in hops}
    for difference in status_of(prepared, service.is_unfinished(prepared.scope)).differences:
        key = difference.key
        is_strange = difference.drift in (Drift.FOREIGN, Drift.EXTRA) and key.netns in places - {HOST}
        links = [ground for ground in prepared.grounds(key) if ground.table == "link"]
        is_near = key.table != "route" and not keys.isdisjoint(links)
        is_rule = key.table == "rule" and key.netns in places
        if key in keys or key in map(netns_key, places) or is_strange or is_near or is_rule or _decides(key, keys):
            yield difference


def _decides(key: Key, keys: set[Key]) -> bool:
    """Of a set, one element is as good as all."""
    if key.table != "nft-element":
        return False
    return any(known.table == "nft-set" and key.name.startswith(f"{known.name} ") for known in keys)
