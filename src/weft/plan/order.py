"""The order of changes: three phases, each a sequence that the backends may run through without looking back.

make    adds, nothing that works is touched;
switch  small: what exists is changed or replaced, traffic moves;
retire  deletes, after the commit record; nothing that a process may hold open goes before it.

Rules: pure and linear (but for sorting). A change waits for the changes of all that it lives on; deletions go the other
way round. A name that moves from one object to another is released before it is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import IntEnum
from itertools import groupby
from operator import itemgetter

from weft.collector import uncollected
from weft.diff import Changes, bares_link, bystanders, diff, left_bond, needs_address
from weft.kinds import KINDS
from weft.kinds.base import Owner
from weft.kinds.ip.route import Route
from weft.kinds.link.bonding import Bond
from weft.kinds.link.common import IFNAME_CLAIM, Link
from weft.kinds.link.veth import Veth
from weft.kinds.nft.chain import NftChain
from weft.kinds.setting.belongings import ADDRESSES
from weft.kinds.setting.link import MASTER, ROOT_QDISC, UP, LinkSetting
from weft.kinds.setting.port import PORT
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.qdisc import CLASS, ROOT, Qdisc
from weft.records import dataclass
from weft.state import Change, KernelObject, Key, Op, State, link_key


class Phase(IntEnum):
    MAKE = 0
    SWITCH = 1
    RETIRE = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A run of changes that one backend commits in one call."""

    backend: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`changes`: what differs, one entry an object, for people. `phases`: the same as steps in the order of execution;
    what the kernel drops along with something else is in `changes` alone. `bystanders`: what stays as it is, but might
    fall on the way back."""

    changes: Changes
    phases: Mapping[Phase, tuple[Step, ...]]
    bystanders: State

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def before(self) -> State:
        """The former objects at the keys concerned: where rollback leads to."""
        there = {k: c.before for k, c in self.changes.items() if c.before is not None} | self.bystanders
        return State((k, self._goal(k, held)) for k, held in there.items())

    def _goal(self, key: Key, held: KernelObject) -> KernelObject:
        row, change = KINDS.of(held), self.changes.get(key)
        replaced: KernelObject = (
            row.remade(held) if change and change.op in (Op.REPLACE, Op.DELETE) else row.former(held)
        )
        return replaced

    @property
    def after(self) -> State:
        """The wanted objects at the keys concerned."""
        return State({k: c.after for k, c in self.changes.items() if c.after is not None} | self.bystanders)

    @property
    def keys(self) -> frozenset[Key]:
        """All keys concerned."""
        return frozenset(self.changes) | self.bystanders.keys()

    def steps(self, *phases: Phase) -> Iterator[Step]:
        for phase in phases or tuple(Phase):
            yield from self.phases[phase]


@uncollected
def plan(observed: State, desired: State) -> Plan:
    """The changes between two states, in phases and an order in which each finds what it needs."""
    changes = diff(observed, desired)
    aside = bystanders(changes, observed, desired)
    return Plan(changes=changes, phases=_Ordering(changes).phases(), bystanders=aside)


_RANK = {kind.cls: rank for rank, kind in enumerate(KINDS)}
"""Among objects of one depth: the order of the table."""

_first = itemgetter(0)


class _Ordering:
    """The changes as nodes of a graph, each with a phase and a depth."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._depths: dict[Key, int] = {}
        self._former_depths: dict[Key, int] = {}
        self._stripped: dict[Key, Link] = {}
        self._early: set[Key] = set()
        self._late: set[Key] = set()
        self._after: dict[Key, list[Key]] = {}
        self._bereft: set[Key] = set()
        self._switched: set[Key] = set()
        self._bonds_last()
        self._ports_last()
        self._move_addresses()
        self._move_names()
        self._spread_late()

    def phases(self) -> dict[Phase, tuple[Step, ...]]:
        kills: dict[Phase, list[Change]] = defaultdict(list)
        makes: dict[Phase, list[Change]] = defaultdict(list)
        for change in self._changes.values():
            phase = self._phase(change)
            change = self._as_found(change)
            if change.op in (Op.DELETE, Op.REPLACE) and not self._implied(change, phase):
                kills[phase].append(Change(Op.DELETE, change.before, None))
            if change.op is Op.REPLACE:
                makes[phase].append(Change(Op.CREATE, None, change.after))
            elif change.op is not Op.DELETE:
                makes[phase].append(change)
        return {phase: tuple(_steps(self._ordered(phase, kills[phase], makes[phase]))) for phase in Phase}

    def _as_found(self, change: Change) -> Change:
        """The change as it will be when its turn comes: a link may by then have lost its altnames or its master."""
        before = self._stripped.get(change.key, change.before)
        if change.op is Op.UPDATE and isinstance(before, Link) and before.master:
            master = self._changes.get(link_key(before.netns, before.master))
            if master is not None and master.op is Op.REPLACE:
                before = replace(before, master="")
        if change.key in self._bereft and isinstance(before, Bond):
            before = replace(before, mac=None)
        return change if before is change.before else Change(change.op, before, change.after)

    def _ordered(self, phase: Phase, kills: list[Change], makes: list[Change]) -> Iterator[Change]:
        if phase is Phase.SWITCH:
            for key, stripped in self._stripped.items():
                yield Change(Op.UPDATE, self._changes[key].before, stripped)
        yield from self._sorted(kills, reverse=True)
        yield from self._sorted(makes)

    def _sorted(self, changes: Iterable[Change], reverse: bool = False) -> Iterator[Change]:
        """By depth, then kind, then key: a namespace's runs stay together, and a veth's leader (the lesser key) comes
        before its fellow. In buckets, for a sort of everything at once would grow faster than the work."""
        levels: dict[tuple[int, int], list[tuple[Key, Change]]] = defaultdict(list)
        for change in changes:
            obj = change.object
            key = obj.key
            depth = self._depth(key, obj, self._former_depths if reverse else self._depths)
            levels[depth, _RANK[type(obj)]].append((key, change))
        for level in sorted(levels, reverse=reverse):
            for _, change in sorted(levels[level], key=_first, reverse=reverse):
                yield change

    def _depth(self, key: Key, obj: KernelObject, depths: dict[Key, int]) -> int:
        """`depths`: those found before, of things as they are to be or as they are: a class may come to stand
        elsewhere."""
        depth = depths.get(key)
        if depth is None:
            depths[key] = 0  # nothing lives on itself; a wrong State must not make us recurse for ever
            former = depths is self._former_depths
            grounds = [
                change
                for on in (*obj.lives_on, *self._after.get(key, ()))
                if (change := self._changes.get(on)) is not None
            ]
            objects = [(former and ground.before) or ground.object for ground in grounds]
            depth = depths[key] = 1 + max((self._depth(on.key, on, depths) for on in objects), default=-1)
        return depth

    def _phase(self, change: Change) -> Phase:
        key = change.key
        if key in self._late:
            return Phase.RETIRE
        if change.op is Op.DELETE:
            return Phase.SWITCH if key in self._early else Phase.RETIRE
        if change.op is Op.CREATE and key not in self._switched:
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
            return self._phase(ground) <= by and _shakes_off(ground, obj)
        return self._goes(ground, by)

    def _goes(self, change: Change, by: Phase) -> bool:
        return change.op in (Op.DELETE, Op.REPLACE) and self._phase(change) <= by

    def _bonds_last(self) -> None:
        """A bond's primary is named when that is there; and one that a member leaves is given its MAC again after it,
        for the last one takes it along. Source: drivers/net/bonding/bond_main.c __bond_release_one."""
        for change in self._changes.values():
            bond = change.after
            if change.op is not Op.UPDATE or not isinstance(bond, Bond):
                continue
            primary = link_key(bond.netns, bond.primary or "")
            if primary in self._changes and self._changes[primary].op in (Op.CREATE, Op.REPLACE):
                self._after.setdefault(change.key, []).append(primary)
            left = [one for one in self._changes.values() if left_bond(one) == change.key]
            self._bereft.update({change.key} if left else ())
            self._after.setdefault(change.key, []).extend(one.key for one in left)
            if any(one.op is Op.DELETE for one in left):
                self._late.add(change.key)

    def _ports_last(self) -> None:
        """What a bridge is to keep of a port is said when it has that again."""
        for change in self._changes.values():
            after = change.after
            if isinstance(after, LinkSetting) and after.attribute == PORT and after.value:
                self._after.setdefault(change.key, []).append(replace(after, attribute=MASTER).key)

    def _move_addresses(self) -> None:
        """A link that gives its addresses to its master joins that first, so that whoever asks for them finds them
        there, and has them back before it leaves; the routes that take the place of its own come last."""
        moves = [
            change
            for change in self._changes.values()
            if isinstance(change.object, LinkSetting) and change.object.attribute == ADDRESSES
        ]
        for move in moves:
            setting = move.object
            assert isinstance(setting, LinkSetting)
            self._after.setdefault(move.key, []).append(replace(setting, attribute=MASTER).key)
            for change in self._changes.values():
                if change.op is Op.CREATE and isinstance(change.object, Route) and change.key.netns == move.key.netns:
                    self._after.setdefault(change.key, []).append(move.key)
                    self._switched.add(change.key)

    def _move_names(self) -> None:
        """Order releases before claims where a name moves from one object to another."""
        released = dict(self._released())
        if not released:
            return
        for change in self._changes.values():
            if change.after is None:
                continue
            for name in KINDS.of(change.after).claims(change.after):
                holder = released.get(name)
                if holder is not None and holder.key != change.key:
                    self._give_way(name, holder, change)

    def _released(self) -> Iterator[tuple[tuple[str, ...], Change]]:
        for change in self._changes.values():
            if change.before is None:
                continue
            names = set(KINDS.of(change.before).claims(change.before))
            if change.after is not None:
                names.difference_update(KINDS.of(change.after).claims(change.after))
            for name in names:
                yield name, change

    def _give_way(self, name: tuple[str, ...], holder: Change, claimant: Change) -> None:
        self._switched.add(claimant.key)
        before = holder.before
        if isinstance(before, Link) and name[0] == IFNAME_CLAIM and name[-1] != before.ifname:
            self._stripped[holder.key] = replace(before, altnames=())
        elif before is not None and KINDS.of(before).held:
            self._late.add(claimant.key)
        else:
            self._early.add(holder.key)

    def _spread_late(self) -> None:
        """What replaces a thing that may be held open waits for the commit record, and so does all that lives on it."""
        for key, change in self._changes.items():
            if change.op is Op.REPLACE and change.before is not None and KINDS.of(change.before).held:
                self._late.add(key)
        self._wait_for_the_shaken()
        self._wait_for_the_ground()
        self._bare_links_early()
        self._classes_early()
        replaced = {key for key, change in self._changes.items() if change.op is Op.REPLACE}
        if not replaced and not self._late and not self._switched:
            return
        makes = list(self._sorted(c for c in self._changes.values() if c.after is not None))
        while self._spread_once(makes, replaced):
            pass  # only the ends of a veth can hand something back to what was passed already

    def _wait_for_the_shaken(self) -> None:
        """What a change in place would make the kernel drop is made after that change."""
        shaken = {key: change for key, change in self._changes.items() if change.op is Op.UPDATE}
        if not shaken:
            return
        for change in self._changes.values():
            if change.op is Op.CREATE and change.after is not None:
                under = (shaken[ground] for ground in change.after.lives_on if ground in shaken)
                if any(_shakes_off(ground, change.after) or _unsettles(ground, change.after) for ground in under):
                    self._switched.add(change.key)

    def _wait_for_the_ground(self) -> None:
        """What stands on a link that changes is made after that: another link may need its new MTU, or it up, what a
        bridge keeps of a port needs the port, and the kernel takes no route over a link that is down."""
        changing = {
            link_key(change.key.netns, obj.ifname): _comes_up(change)
            for change in self._changes.values()
            if change.op is Op.UPDATE and isinstance(obj := change.object, (Link, LinkSetting))
        }
        for change in self._changes.values():
            new = change.after
            if self._is_root_of_replaced(change):
                (self._early if change.op is Op.DELETE else self._switched).add(change.key)
            if change.op is not Op.CREATE or new is None or changing.keys().isdisjoint(new.lives_on):
                continue
            rising = any(changing.get(on) for on in new.lives_on)
            if rising or isinstance(new, Link) or KINDS.of(new).owner is Owner.MEMBERSHIP:
                self._switched.add(change.key)

    def _is_root_of_replaced(self, change: Change) -> bool:
        """Whether it is a root qdisc where somebody else's gives way, or comes back."""
        obj = change.object
        if not isinstance(obj, Qdisc) or obj.parent != ROOT:
            return False
        setting = self._changes.get(Key("link-setting", obj.netns, f"{obj.ifname} {ROOT_QDISC}"))
        return setting is not None and setting.op is Op.UPDATE

    def _bare_links_early(self) -> None:
        """A link's last IPv4 address takes others along when it goes: so it goes before those are made."""
        going = [c for c in self._changes.values() if c.op is Op.DELETE and bares_link(c.object)]
        if not going:
            return
        new = [c.after for c in self._changes.values() if c.after is not None and bares_link(c.after)]
        held = {on for address in new for on in address.lives_on}  # there the new one comes first, and nothing falls
        made: dict[Key, list[Key]] = defaultdict(list)
        for change in self._changes.values():
            if change.after is not None and needs_address(change.after):
                for on in change.after.lives_on:  # a blackhole lives on no link
                    made[on].append(change.key)
        for change in going:
            if not held.isdisjoint(change.object.lives_on):
                continue
            for key in made.get(change.object.lives_on[0], ()):
                self._early.add(change.key)
                self._switched.add(key)

    def _classes_early(self) -> None:
        """A class that is to be a leaf loses its classes first: before it gets a queue, and before it changes, for the
        kernel takes neither of an inner class in full; and one that is made anew does, for it goes with none. Source:
        net/sched/sch_htb.c htb_graft, htb_change_class, htb_delete."""
        going: dict[Key, list[Key]] = defaultdict(list)
        for change in self._changes.values():
            if change.op in (Op.DELETE, Op.REPLACE) and isinstance(change.before, HtbClass):
                going[change.before.lives_on[-1]].append(change.key)
        if not going:
            return
        for change in self._changes.values():
            if not isinstance(change.after, Qdisc | HtbClass):
                continue
            over = change.object.lives_on[-1] if change.op is Op.CREATE else change.key
            if over.table == CLASS and (early := going.get(over)):
                self._go_early(early, going)
                if change.op is Op.CREATE:
                    self._switched.add(change.key)

    def _go_early(self, keys: Iterable[Key], going: Mapping[Key, list[Key]]) -> None:
        """These, and the classes that they have."""
        for key in keys:
            if key not in self._early:
                self._early.add(key)
                self._go_early(going.get(key, ()), going)

    def _spread_once(self, makes: Iterable[Change], replaced: set[Key]) -> bool:
        """One pass in the order of making; whether it moved anything to a later phase."""
        known = len(self._late), len(self._switched)
        for change in makes:
            grounds = set(_needs(change.object))
            if not grounds.isdisjoint(self._late):
                self._late.add(change.key)
            elif not grounds.isdisjoint(replaced) or not grounds.isdisjoint(self._switched):
                self._switched.add(change.key)
        return known != (len(self._late), len(self._switched))


def _needs(obj: KernelObject) -> Iterator[Key]:
    """What must be there, and be the new one, when `obj` is made."""
    yield from obj.lives_on
    if isinstance(obj, Veth):
        yield obj.peer
    if isinstance(obj, Link) and obj.master:
        yield link_key(obj.netns, obj.master)


def _comes_up(change: Change) -> bool:
    """Whether a link that is there and down is to be up."""
    if isinstance(change.object, LinkSetting):
        return change.object.attribute == UP
    before, after = change.before, change.after
    return isinstance(before, Link) and isinstance(after, Link) and bool(after.up) and before.up is False


def _shakes_off(change: Change, dependent: KernelObject) -> bool:
    return KINDS.of(change.object).cascade(change.before, change.after, dependent)


def _unsettles(change: Change, dependent: KernelObject) -> bool:
    return KINDS.of(change.object).unsettles(dependent)


def _outlives(obj: KernelObject, ground: Key) -> bool:
    """A netdev chain may stay behind when its device goes (it does since hooks are kept by name, Linux 6.16). Of an
    IPv6 route's next hops only that one goes. A link that leaves a bond is to become what it was. A class is not
    deleted while it has classes. Source: net/ipv6/route.c fib6_ifdown."""
    if isinstance(obj, HtbClass):
        return ground.table == CLASS
    if isinstance(obj, LinkSetting):
        return ground != link_key(obj.netns, obj.ifname)
    if isinstance(obj, Route):
        return len(obj.lives_on) > 1 and obj.family == 6
    return isinstance(obj, NftChain) and ground.table == "link"


def _steps(changes: Iterable[Change]) -> Iterator[Step]:
    for backend, run in groupby(changes, key=lambda change: KINDS.of(change.object).backend):
        yield Step(backend, tuple(run))
