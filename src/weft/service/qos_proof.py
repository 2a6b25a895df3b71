"""`weft check qos`: what each class is declared to get, what it gets, and where that differs, which object is to blame.

Rules: takes no lock; what it says is of that moment. Declared is what the file comes to, so that what somebody changed
behind weft's back is a difference. What stands on a link that is gone is missing, and all the rest is measured. What
differs of a tree is said even where traffic went as it should: a queue of another length shows only on another day.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from weft.backends.queues import QueueReader
from weft.check.qos.lanes import Lane, Round, Tree, rounds_of
from weft.check.qos.measuring import Manner, Total, demand_program, measure
from weft.check.qos.trees import Scene, carrier_of, trees_of, unmeasured
from weft.check.qos.verdict import Fault, Judged, Outcome, too_few
from weft.check.reach.guests import is_open
from weft.compiler import CompileError, planted
from weft.compiler.qos.planted import Planted
from weft.errors import IntentInvalid, Problem, Refused
from weft.files import Loaded
from weft.reach import endpoints
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.qos_missing import Parted, parted
from weft.service.queues import lost_of
from weft.service.service import Service
from weft.service.status import Difference, status_of
from weft.service.watcher import Watcher
from weft.state import Key
from weft.wire.tc import said_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """One class. `outcomes`: with the round that each is of; `suspects`: what differs of its tree, the nearest first;
    empty where nothing was measured, and then `why`."""

    lane: Lane
    tree: Tree
    outcomes: tuple[tuple[Round, Outcome], ...]
    faults: tuple[Fault, ...]
    suspects: tuple[Difference, ...]

    @property
    def is_measured(self) -> bool:
        return any(not outcome.note for _, outcome in self.outcomes)

    @property
    def why(self) -> str:
        """Why there is no figure, "" where there are."""
        notes = dict.fromkeys(outcome.note for _, outcome in self.outcomes if outcome.note)
        return "" if self.is_measured else self.lane.why or "; ".join(notes)

    @property
    def clean(self) -> bool:
        return not self.faults and not self.suspects


@dataclass(frozen=True, slots=True, kw_only=True)
class QosProof:
    """`aside`: who asks for what no class counts, and why nothing is measured of it. `missing`: which classes have
    nothing to stand on, and what `status` says of that."""

    scope: str
    manner: Manner
    classes: tuple[Proved, ...]
    aside: tuple[tuple[str, str], ...]
    elapsed_s: float
    missing: tuple[tuple[str, Difference], ...] = ()

    @property
    def clean(self) -> bool:
        return not self.missing and all(proved.clean for proved in self.classes)

    @property
    def is_blind(self) -> bool:
        """Whether there was something to measure, and nothing of it could be."""
        return bool(self.classes or self.aside) and not any(proved.is_measured for proved in self.classes)


def check_qos(
    service: Service,
    loaded: Loaded,
    names: Sequence[str] = (),
    manner: Manner | None = None,
    peer: str = "",
    watcher: Watcher | None = None,
) -> QosProof:
    """Measure all that an intent's policies declare, or that of the ports and links selected.

    `names`: names and patterns (`web`, `shop/web`, `shop/*`, `eth0`). `peer`: the address of another machine where
    iperf3 serves.
    Raises: IntentInvalid where nothing is applied, or a name fits nobody who has a policy; Refused where iperf3 is
    not installed, NotPermitted, DumpInterrupted, and as Service.prepare.
    """
    manner = manner or Manner()
    demand_program()
    prepared = service.prepare(loaded, lenient=True)
    prepared.demand_applied("`weft apply` it first; `weft qos explain -f FILE` tells what it comes to")
    found = parted(prepared, _planted(prepared, loaded))
    scene = _scene(prepared, loaded, found.standing, peer)
    missing = list(_missing(scene, found))
    found_trees = list(_selected(list(trees_of(scene)), names, [carrier for carrier, _, _ in missing]))
    trees = [_within(manner.seconds, tree) for tree in found_trees]
    rounds = [of for tree in trees for of in rounds_of(tree)]
    if watcher is not None:
        watcher.start(len(rounds))
    began = time.monotonic()
    judged = _measured(service, rounds, manner, watcher)
    elapsed_s = time.monotonic() - began
    differences = status_of(prepared, service.is_unfinished(prepared.scope)).differences
    return QosProof(
        scope=prepared.scope,
        manner=manner,
        classes=tuple(_proved(trees, judged, differences, found.standing)),
        aside=tuple(pair for pair in unmeasured(scene) if _fits(pair[0].rpartition(" ")[0], names)),
        elapsed_s=elapsed_s,
        missing=tuple((what, why) for carrier, what, why in missing if _fits(carrier, names)),
    )


def _planted(prepared: Prepared, loaded: Loaded) -> Sequence[Planted]:
    assert prepared.facts is not None
    try:
        return planted(loaded.intent, prepared.facts, lenient=True)
    except CompileError as error:
        raise error.told(loaded.origins.at) from None


def _scene(prepared: Prepared, loaded: Loaded, found: Sequence[Planted], peer: str) -> Scene:
    ends = endpoints(loaded.intent, prepared.desired, prepared.paths)
    return Scene(
        planted=found,
        endpoints=ends,
        state=prepared.desired,
        observed=prepared.observed,
        peer=peer,
        unopened=frozenset(end.name for end in ends if end.is_guest and not is_open(end.ifname)),
    )


def _missing(scene: Scene, found: Parted) -> Iterator[tuple[str, str, Difference]]:
    """Who asks for it, for which class, and what `status` says of what it would stand on."""
    for one, why in found.gone:
        alone = replace(scene, planted=[one])
        for tree in trees_of(alone):
            yield from ((lane.carrier, str(lane), why) for lane in tree.lanes)
        yield from ((what.rpartition(" ")[0], what, why) for what, _ in unmeasured(alone))
    yield from ((carrier_of(path), carrier_of(path), why) for path, why in found.ports)


def _selected(trees: Sequence[Tree], names: Sequence[str], missing: Iterable[str]) -> Iterator[Tree]:
    """The trees with the lanes of those who are meant. `missing`: who has a policy beside them.
    Raises: IntentInvalid for a name that fits nobody."""
    carriers = {lane.carrier for tree in trees for lane in tree.lanes}.union(missing)
    strange = [name for name in names if not any(_fits(carrier, [name]) for carrier in carriers)]
    if strange:
        fix = f"with a policy of their own: {', '.join(sorted(carriers)) or 'none'}"
        raise IntentInvalid([Problem(where=name, what="no port or link with a policy", fix=fix) for name in strange])
    for tree in trees:
        lanes = tuple(lane for lane in tree.lanes if _fits(lane.carrier, names))
        if lanes:
            yield replace(tree, lanes=lanes)


def _within(seconds: float, tree: Tree) -> Tree:
    """The tree, and nothing sent for a lane that is too slow to be measured in so many seconds."""
    whys = {lane.key: too_few(lane.ceil_bps, lane.frame_bytes, seconds) for lane in tree.measurable}
    lanes = (replace(lane, flows={}, why=whys[lane.key]) if whys.get(lane.key) else lane for lane in tree.lanes)
    return replace(tree, lanes=tuple(lanes))


def _fits(carrier: str, names: Sequence[str]) -> bool:
    return not names or any(
        name in (carrier, carrier.rpartition("/")[2]) or fnmatchcase(carrier, name) for name in names
    )


def _measured(service: Service, rounds: Sequence[Round], manner: Manner, watcher: Watcher | None) -> list[Judged]:
    if not rounds:
        return []
    reader = QueueReader(service.namespaces)

    def meter(tree: Tree) -> Mapping[Key, Total]:
        return _totals(reader, tree)

    try:
        return measure(service.namespaces, rounds, meter, manner, watcher or (lambda settled: None))
    finally:
        reader.close()


def _totals(reader: QueueReader, tree: Tree) -> Mapping[Key, Total]:
    """Raises: Refused where the link is not there, or has no classes."""
    queues = reader.read([tree.key]).links.get(tree.key)
    if queues is None or not queues.classes:
        raise Refused(f"{tree.key} has no classes")
    lost = lost_of(queues)
    held = {f"{tree.ifname} {said_of(seen.handle)}": seen for seen in queues.classes if seen.kind == "htb"}
    return {
        Key("class", tree.netns, name): Total(
            bytes=seen.sent_bytes,
            packets=seen.sent_packets,
            drops=lost[seen.handle],
            overlimits=seen.overlimits,
            waiting=seen.waiting,
        )
        for name, seen in held.items()
    }


# who is to blame


def _proved(
    trees: Iterable[Tree], judged: Iterable[Judged], differences: Sequence[Difference], found: Sequence[Planted]
) -> Iterator[Proved]:
    done = list(judged)
    for tree in trees:
        sites = [one for one in found if one.tree is not None and one.link == tree.key]
        for lane in tree.lanes:
            outcomes = [(of.round, held) for of in done for held in of.outcomes if held.run.lane is lane]
            faults = [fault for of in done for fault in of.faults if fault.run.lane is lane]
            yield Proved(
                lane=lane,
                tree=tree,
                outcomes=tuple(outcomes),
                faults=tuple(faults),
                suspects=tuple(_suspects(tree, lane, sites, differences)),
            )


def _suspects(
    tree: Tree, lane: Lane, sites: Sequence[Planted], differences: Sequence[Difference]
) -> Iterator[Difference]:
    """What differs of a class: itself and its queue, then the tree, then what gives packets their class."""
    near = [(_distance(tree, lane, sites, one), at, one) for at, one in enumerate(differences)]
    yield from (one for distance, _, one in sorted(near, key=lambda held: held[:2]) if distance < FAR)


FAR = 9


def _distance(tree: Tree, lane: Lane, sites: Sequence[Planted], difference: Difference) -> int:
    key = difference.key
    classid = lane.key.name.partition(" ")[2]
    if key == lane.key:
        return 0
    if key.netns == tree.netns and key.table in ("qdisc", "class") and key.name.partition(" ")[0] == tree.ifname:
        return 1 if key.name.endswith(f" {classid}") else _other_class(tree, key, lane)
    if key == tree.key:
        return 3
    return 4 if _gives_classes(key, tree, sites) else FAR


def _other_class(tree: Tree, key: Key, lane: Lane) -> int:
    """Another leaf of the tree, with its queue, is its own carrier's affair."""
    names = {leaf.name for leaf in tree.leaves if leaf != lane.key}
    return FAR if key.name in names else 2


def _gives_classes(key: Key, tree: Tree, sites: Sequence[Planted]) -> bool:
    if not key.table.startswith("nft") or key.netns != tree.netns:
        return False
    chains = [one.shaping.site.chain_name(one.shaping.way) for one in sites if one.shaping is not None]
    return not chains or any(chain in key.name for chain in chains)
