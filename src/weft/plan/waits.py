"""What waits for what: the rules by which a change comes before another one, or in another phase, than what it is and
lives on would have it.

Rules: pure and linear. A rule is a method, and none asks what another one has found. A name that moves from one object
to another is released before it is claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from weft.diff import Changes, bares_link, is_given_anew, left_bond, needs_address
from weft.kinds import KINDS
from weft.kinds.base import Owner
from weft.kinds.ip.route import Route
from weft.kinds.link.bonding import Bond
from weft.kinds.link.common import IFNAME_CLAIM, Link
from weft.kinds.setting.belongings import ADDRESSES
from weft.kinds.setting.link import MASTER, ROOT_QDISC, UP, LinkSetting
from weft.kinds.setting.port import PORT
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.qdisc import CLASS, ROOT, Qdisc
from weft.plan.spans import swapped
from weft.plan.takers import taken_by
from weft.state import Change, KernelObject, Key, Op, link_key


class Waits:
    """`after`: the changes that one waits for, beside those of what it lives on. `early`: deletions in the switch
    phase, `switched`: creations there, `late`: whatever is left to the retire phase. `stripped`: links as they are once
    their altnames have gone to others. `bereft`: bonds that lose their MAC on the way. `beside`: deletions that stand
    among the creations of their phase."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._settings, self._neighbours = _of_tables(changes, "link-setting", "neighbour")
        self.after: dict[Key, list[Key]] = {}
        self.early: set[Key] = set()
        self.switched: set[Key] = set()
        self.late: set[Key] = set()
        self.stripped: dict[Key, Link] = {}
        self.bereft: set[Key] = set()
        self.beside: set[Key] = set()
        self._ports_last()
        self._answer_last()
        self._move_addresses()
        if all(change.op is Op.CREATE for change in changes.values()):
            return  # no other rule speaks of what is new alone
        self._bonds_last()
        self._move_names()
        self._move_frames()
        self._hold_the_held()
        self._wait_for_the_shaken()
        self._wait_for_the_ground()
        self._bare_links_early()
        self._wait_for_addresses()
        self._classes_early()
        self._swap_elements()

    def _bonds_last(self) -> None:
        """A bond's primary is named when that is there; and one that a member leaves is given its MAC again after it,
        for the last one takes it along. Source: drivers/net/bonding/bond_main.c __bond_release_one."""
        bonds = [change for change in self._changes.values() if change.op is Op.UPDATE]
        bonds = [change for change in bonds if isinstance(change.after, Bond)]
        leaving: dict[Key | None, list[Change]] = defaultdict(list)
        for change in self._changes.values() if bonds else ():
            leaving[left_bond(change)].append(change)
        for change in bonds:
            bond = change.after
            assert isinstance(bond, Bond)
            primary = link_key(bond.netns, bond.primary or "")
            if primary in self._changes and self._changes[primary].op in (Op.CREATE, Op.REPLACE):
                self.after.setdefault(change.key, []).append(primary)
            left = leaving.get(change.key, ())
            self.bereft.update({change.key} if left else ())
            self.after.setdefault(change.key, []).extend(one.key for one in left)
            if any(one.op is Op.DELETE for one in left):
                self.late.add(change.key)

    def _ports_last(self) -> None:
        """What a bridge is to keep of a port is said when it has that again."""
        for change in self._settings:
            after = change.after
            if isinstance(after, LinkSetting) and after.attribute == PORT and after.value:
                self.after.setdefault(change.key, []).append(replace(after, attribute=MASTER).key)

    def _answer_last(self) -> None:
        """What a link answers for in another's stead goes with its carrier, and a bridge has none before its ports:
        so that waits for those. Source: net/core/neighbour.c neigh_carrier_down."""
        proxies = [c for c in self._neighbours if c.op is Op.CREATE and getattr(c.after, "proxy", False)]
        if not proxies:
            return
        ports: dict[Key, list[Change]] = defaultdict(list)
        for change in self._changes.values():
            port = change.after
            if isinstance(port, LinkSetting) and port.attribute == MASTER and port.value:
                ports[link_key(port.netns, port.value)].append(change)
            elif isinstance(port, Link) and port.master:
                ports[link_key(port.netns, port.master)].append(change)
        for proxy in proxies:
            joining = [port for on in proxy.object.lives_on for port in ports[on]]
            self.after.setdefault(proxy.key, []).extend(port.key for port in joining)
            if any(port.op is not Op.CREATE for port in joining):
                self.switched.add(proxy.key)

    def _move_addresses(self) -> None:
        """A link that gives its addresses to its master joins that first, so that whoever asks for them finds them
        there, and has them back before it leaves; the routes that take the place of its own come last."""
        moves = [
            change
            for change in self._settings
            if isinstance(change.object, LinkSetting) and change.object.attribute == ADDRESSES
        ]
        for move in moves:
            setting = move.object
            assert isinstance(setting, LinkSetting)
            self.after.setdefault(move.key, []).append(replace(setting, attribute=MASTER).key)
            for change in self._changes.values():
                if change.op is Op.CREATE and isinstance(change.object, Route) and change.key.netns == move.key.netns:
                    self.after.setdefault(change.key, []).append(move.key)
                    self.switched.add(change.key)

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
        self.switched.add(claimant.key)
        before = holder.before
        if isinstance(before, Link) and name[0] == IFNAME_CLAIM and name[-1] != before.ifname:
            self.stripped[holder.key] = replace(before, altnames=())
        elif before is not None and KINDS.of(before).held:
            self.late.add(claimant.key)
        else:
            self.early.add(holder.key)

    def _move_frames(self) -> None:
        """Who has a link's frames lets them go before a taker of another sort comes."""
        had: dict[Key, list[tuple[str, Change]]] = defaultdict(list)
        for change in self._changes.values():
            if change.before is not None:
                for link, sort in set(taken_by(change.before)).difference(taken_by(change.after)):
                    had[link].append((sort, change))
        if not had:
            return
        for change in self._changes.values():
            for link, sort in taken_by(change.after):
                for former, holder in had.get(link, ()):
                    if former != sort and holder.key != change.key:
                        self._let_go(holder, change)

    def _let_go(self, holder: Change, claimant: Change) -> None:
        self.switched.add(claimant.key)
        if holder.op is Op.UPDATE:
            self.after.setdefault(claimant.key, []).append(holder.key)
        elif holder.before is not None and KINDS.of(holder.before).held:
            self.late.add(claimant.key)
        elif holder.op is Op.DELETE:
            self.early.add(holder.key)

    def _hold_the_held(self) -> None:
        """What replaces a thing that may be held open waits for the commit record."""
        for key, change in self._changes.items():
            if change.op is Op.REPLACE and change.before is not None and KINDS.of(change.before).held:
                self.late.add(key)

    def _wait_for_the_shaken(self) -> None:
        """What a change in place would make the kernel drop is made after that change."""
        shaken = {key: change for key, change in self._changes.items() if change.op is Op.UPDATE}
        if not shaken:
            return
        for change in self._changes.values():
            if change.op is Op.CREATE and change.after is not None:
                under = (shaken[ground] for ground in change.after.lives_on if ground in shaken)
                if any(shakes_off(ground, change.after) or _unsettles(ground, change.after) for ground in under):
                    self.switched.add(change.key)

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
                (self.early if change.op is Op.DELETE else self.switched).add(change.key)
            if change.op is not Op.CREATE or new is None or changing.keys().isdisjoint(new.lives_on):
                continue
            rising = any(changing.get(on) for on in new.lives_on)
            if rising or isinstance(new, Link) or KINDS.of(new).owner is Owner.MEMBERSHIP:
                self.switched.add(change.key)

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
                self.early.add(change.key)
                self.switched.add(key)

    def _wait_for_addresses(self) -> None:
        """The routes of an address that is given anew lead to the next hops of others on its link, and lend it to
        them."""
        anew = {on for change in self._changes.values() if is_given_anew(change) for on in change.object.lives_on}
        for change in self._changes.values() if anew else ():
            if change.op is Op.CREATE and isinstance(change.object, Route) and _leads_over(change.object, anew):
                self.switched.add(change.key)

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
                    self.switched.add(change.key)

    def _go_early(self, keys: Iterable[Key], going: Mapping[Key, list[Key]]) -> None:
        """These, and the classes that they have."""
        for key in keys:
            if key not in self.early:
                self.early.add(key)
                self._go_early(going.get(key, ()), going)

    def _swap_elements(self) -> None:
        """An interval goes with the coming of those that may overlap with it."""
        for change in swapped(self._changes.values()):
            if change.op is Op.CREATE:
                self.switched.add(change.key)
            else:
                self.early.add(change.key)
                self.beside.add(change.key)


def _of_tables(changes: Changes, *tables: str) -> list[list[Change]]:
    """The changes of each table, found in one pass by the keys alone: most of many changes are of neither."""
    found: dict[str, list[Change]] = {table: [] for table in tables}
    for key, change in changes.items():
        if key.table in found:
            found[key.table].append(change)
    return list(found.values())


def _leads_over(route: Route, links: Collection[Key]) -> bool:
    """Whether it is by one of the links, or speaks by an address, which may be another link's."""
    return bool(route.src) or any(on in links for on in route.lives_on)


def _comes_up(change: Change) -> bool:
    """Whether a link that is there and down is to be up."""
    if isinstance(change.object, LinkSetting):
        return change.object.attribute == UP
    before, after = change.before, change.after
    return isinstance(before, Link) and isinstance(after, Link) and bool(after.up) and before.up is False


def shakes_off(change: Change, dependent: KernelObject) -> bool:
    """Whether the kernel drops the one when the other changes in place."""
    return KINDS.of(change.object).cascade(change.before, change.after, dependent)


def _unsettles(change: Change, dependent: KernelObject) -> bool:
    return KINDS.of(change.object).unsettles(dependent)
