"""The order of changes: each phase a sequence that the backends may run through without looking back.

Rules: pure and linear (but for sorting). A change waits for the changes of all that it lives on, and for those that
waits.py names; deletions go the other way round. What the kernel deletes along with something else is no step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from weft.collector import uncollected
from weft.diff import Changes, bystanders, diff
from weft.kinds import KINDS
from weft.kinds.ip.route import Route
from weft.kinds.link.bonding import Bond
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.kinds.nft.chain import NftChain
from weft.kinds.process import Process
from weft.kinds.setting.link import LinkSetting
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.qdisc import CLASS, QDISC
from weft.plan.phases import Phase, Plan, Step
from weft.plan.waits import Waits, shakes_off
from weft.state import Change, KernelObject, Key, Op, State, link_key


@uncollected
def plan(observed: State, desired: State) -> Plan:
    """The changes between two states, in phases and an order in which each finds what it needs."""
    changes = diff(observed, desired)
    aside = bystanders(changes, observed, desired)
    return Plan(changes=changes, phases=_Ordering(changes).phases(), bystanders=aside)


_RANK = {kind.cls: rank for rank, kind in enumerate(KINDS)}
"""Among objects of one depth: the order of the table."""

_BACKENDS = [kind.backend for kind in KINDS]
"""By rank."""

_AT_ONCE = frozenset(kind.name for kind in KINDS if kind.backend == "nft")
"""Tables in which nothing has to be there before what stands on it: one transaction makes all of them."""

_QUEUES = frozenset({QDISC, CLASS})
"""Tables of which nothing in nftables needs anything, nor the other way round."""

_Run: TypeAlias = tuple[str, list[Change]]
"""Changes of one backend, in order."""

_first = itemgetter(0)


class _Ordering:
    """The changes as nodes of a graph, each with a phase and a depth."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._depths: dict[Key, int] = {}
        self._former_depths: dict[Key, int] = {}
        self._waits = Waits(changes)
        self._spread()

    def phases(self) -> dict[Phase, tuple[Step, ...]]:
        kills: dict[Phase, list[Change]] = defaultdict(list)
        makes: dict[Phase, list[Change]] = defaultdict(list)
        late, switched, made_at_once = self._waits.late, self._waits.switched, makes[Phase.MAKE]
        for key, change in self._changes.items():
            if change.op is Op.CREATE and key not in late and key not in switched:
                made_at_once.append(change)  # nearly all of a large plan
                continue
            phase = self._phase(change)
            if change.op is Op.CREATE:
                makes[phase].append(change)
                continue
            change = self._as_found(change)
            if change.op in (Op.DELETE, Op.REPLACE) and not self._implied(change, phase):
                among = makes if change.key in self._waits.beside else kills
                among[phase].append(Change(Op.DELETE, change.before, None))
            if change.op is Op.REPLACE:
                makes[phase].append(Change(Op.CREATE, None, change.after))
            elif change.op is Op.UPDATE:
                makes[phase].append(change)
        return {phase: tuple(_steps(self._runs(phase, kills[phase], makes[phase]))) for phase in Phase}

    def _as_found(self, change: Change) -> Change:
        """The change as it will be when its turn comes: a link may by then have lost its altnames or its master,
        and one that a bond let go is down."""
        before = self._waits.stripped.get(change.key, change.before)
        if change.op is Op.UPDATE and isinstance(before, Link) and before.master:
            master = self._changes.get(link_key(before.netns, before.master))
            if master is not None and master.op is Op.REPLACE:
                before = replace(before, master="", up=False if isinstance(master.before, Bond) else before.up)
        if change.key in self._waits.bereft and isinstance(before, Bond):
            before = replace(before, mac=None)
        return change if before is change.before else Change(change.op, before, change.after)

    def _runs(self, phase: Phase, kills: list[Change], makes: list[Change]) -> Iterator[_Run]:
        if phase is Phase.SWITCH:
            for key, stripped in self._waits.stripped.items():
                yield _BACKENDS[_RANK[type(stripped)]], [Change(Op.UPDATE, self._changes[key].before, stripped)]
        yield from self._sorted(kills, reverse=True)
        yield from self._sorted(makes)

    def _sorted(self, changes: Iterable[Change], reverse: bool = False) -> Iterator[_Run]:
        """By depth, then kind, then key: a namespace's runs stay together, and a veth's leader (the lesser key) comes
        before its fellow. In buckets, each sorted by names alone, for a sort of everything at once would grow faster
        than the work."""
        levels: dict[tuple[int, int, str], list[tuple[str, Change]]] = defaultdict(list)
        for change in changes:
            obj = change.object
            key = obj.key
            depth = self._depth(key, obj, self._former_depths if reverse else self._depths)
            levels[depth, _RANK[type(obj)], key.netns].append((key.name, change))
        for level in sorted(levels, reverse=reverse):
            _, rank, _ = level
            yield _BACKENDS[rank], [change for _, change in sorted(levels[level], key=_first, reverse=reverse)]

    def _depth(self, key: Key, obj: KernelObject, depths: dict[Key, int]) -> int:
        """`depths`: those found before, of things as they are to be or as they are: a class may come to stand
        elsewhere."""
        depth = depths.get(key)
        if depth is None:
            depth = 0
            after, former = self._waits.after, depths is self._former_depths
            for on in (*obj.lives_on, *after.get(key, ())) if after else obj.lives_on:
                under = depths.get(on)
                if under is None:  # seldom: mostly what is stood on is known by then
                    ground = self._changes.get(on)
                    if ground is None:
                        continue
                    depths[key] = 0  # nothing lives on itself; a wrong State must not make us recurse for ever
                    under = self._depth(on, (former and ground.before) or ground.object, depths)
                if under >= depth:
                    depth = under if on.table in _AT_ONCE else under + 1
            depths[key] = depth
        return depth

    def _phase(self, change: Change) -> Phase:
        key = change.key
        if key in self._waits.late:
            return Phase.RETIRE
        if change.op is Op.DELETE:
            return Phase.SWITCH if key in self._waits.early else Phase.RETIRE
        if change.op is Op.CREATE and key not in self._waits.switched:
            return Phase.MAKE
        return Phase.SWITCH

    def _implied(self, change: Change, phase: Phase) -> bool:
        """Whether the kernel does this deletion by itself, as part of another one of the same or an earlier phase.

        A link with an end, or a parent, in another namespace is always deleted by name: a namespace goes
        asynchronously.
        """
        obj = change.object if change.before is None else change.before
        if isinstance(obj, Link) and obj.made_in != obj.netns:
            return False
        if isinstance(obj, Veth):
            fellow = self._changes.get(obj.peer)
            return not obj.leads and fellow is not None and self._goes(fellow, phase)
        grounds = (self._changes.get(on) for on in obj.lives_on if not _outlives(obj, on))
        return any(ground is not None and self._takes_along(ground, obj, phase) for ground in grounds)

    def _takes_along(self, ground: Change, obj: KernelObject, by: Phase) -> bool:
        """Whether the kernel drops `obj` by itself when its ground changes, by the end of a phase."""
        if ground.op is Op.UPDATE:
            return self._phase(ground) <= by and shakes_off(ground, obj)
        return self._goes(ground, by)

    def _goes(self, change: Change, by: Phase) -> bool:
        return change.op in (Op.DELETE, Op.REPLACE) and self._phase(change) <= by

    def _spread(self) -> None:
        """What lives on something that comes in a later phase comes no earlier."""
        waits = self._waits
        replaced = {key for key, change in self._changes.items() if change.op is Op.REPLACE}
        if not replaced and not waits.late and not waits.switched:
            return
        runs = self._sorted(c for c in self._changes.values() if c.after is not None)
        makes = [change for _, run in runs for change in run]
        while self._spread_once(makes, replaced):
            pass  # only the ends of a veth can hand something back to what was passed already

    def _spread_once(self, makes: Iterable[Change], replaced: set[Key]) -> bool:
        """One pass in the order of making; whether it moved anything to a later phase."""
        known = len(self._waits.late), len(self._waits.switched)
        for change in makes:
            grounds = set(_needs(change.object))
            if not grounds.isdisjoint(self._waits.late):
                self._waits.late.add(change.key)
            elif not grounds.isdisjoint(replaced) or not grounds.isdisjoint(self._waits.switched):
                self._waits.switched.add(change.key)
        return known != (len(self._waits.late), len(self._waits.switched))


def _needs(obj: KernelObject) -> Iterator[Key]:
    """What must be there, and be the new one, when `obj` is made."""
    yield from obj.lives_on
    if isinstance(obj, Veth):
        yield obj.peer
    if isinstance(obj, Link) and obj.master:
        yield link_key(obj.netns, obj.master)


def _outlives(obj: KernelObject, ground: Key) -> bool:
    """A netdev chain may stay behind when its device goes (it does since hooks are kept by name, Linux 6.16). Of an
    IPv6 route's next hops only that one goes. A link that leaves a bond is to become what it was. A class is not
    deleted while it has classes. A program goes on in a namespace without a name. Source: net/ipv6/route.c
    fib6_ifdown."""
    if isinstance(obj, Process):
        return True
    if isinstance(obj, HtbClass):
        return ground.table == CLASS
    if isinstance(obj, LinkSetting):
        return ground != link_key(obj.netns, obj.ifname)
    if isinstance(obj, Route):
        return len(obj.lives_on) > 1 and obj.family == 6
    return isinstance(obj, NftChain) and ground.table == "link"


def _steps(runs: Iterable[_Run]) -> Iterator[Step]:
    """Queues that come after nftables may go along with it; the rest waits, for a filter is there before addresses
    are."""
    before = ""
    for backend, beside in groupby(runs, key=_first):
        changes = [change for _, run in beside for change in run]
        if before == "nft" and backend == "rtnl":
            queues, changes = _queues_apart(changes)
            if queues:
                yield Step(backend, tuple(queues), along=True)
        if changes:
            yield Step(backend, tuple(changes))
        before = backend


def _queues_apart(changes: list[Change]) -> tuple[list[Change], list[Change]]:
    """The qdiscs and classes that stand on none of the rest, and the rest, each in its order."""
    queues: list[Change] = []
    rest: list[Change] = []
    waited_for: set[Key] = set()
    for change in changes:
        obj = change.object
        if obj.key.table in _QUEUES and waited_for.isdisjoint(obj.lives_on):
            queues.append(change)
        else:
            rest.append(change)
            waited_for.add(obj.key)
    return queues, rest
