"""What the kernel drops, or leaves without, along with a change: to be made anew where it is still wanted.

Rules: pure. Only what is wanted is added to the changes; what falls and is not wanted was to be deleted anyway.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from weft.kinds import KINDS
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.link.bonding import Bond
from weft.kinds.link.common import Link, lost_by_vrf
from weft.kinds.link.veth import Veth
from weft.kinds.setting.link import BOND, LinkSetting, Membership
from weft.state import Change, KernelObject, Key, Op, State, link_key

Changes: TypeAlias = dict[Key, Change]


def dependents_of(state: State) -> Mapping[Key, list[Key]]:
    """For each key the keys of those that the kernel drops along with it; the ends of a veth fall together."""
    dependents: dict[Key, list[Key]] = defaultdict(list)
    for key, obj in state.items():
        for on in obj.lives_on:
            dependents[on].append(key)
        if isinstance(obj, Veth):
            dependents[obj.peer].append(key)
    return dependents


def standing(state: State, gone: Iterable[Key]) -> State:
    """A state without these keys and all that lives on them."""
    fallen = set(gone)
    while falling := {key for key, obj in state.items() if key not in fallen and not fallen.isdisjoint(obj.lives_on)}:
        fallen |= falling
    return State((key, obj) for key, obj in state.items() if key not in fallen)


def bares_link(obj: KernelObject) -> bool:
    """Whether, when this is the last of its sort on its link, all that `needs_address` there goes with it.

    Source: net/ipv4/fib_frontend.c fib_inetaddr_event (no address left: fib_disable_ip flushes routes and neighbours).
    """
    return isinstance(obj, Address) and obj.family == 4


def needs_address(obj: KernelObject) -> bool:
    """Whether it falls with its link's last IPv4 address (and can be made anew without one)."""
    return isinstance(obj, (Route, Neighbour)) and obj.family == 4


def is_given_anew(change: Change) -> bool:
    """Whether it is an address that goes and comes again at once."""
    return change.op is Op.UPDATE and isinstance(change.object, Address)


def bystanders(changes: Changes, observed: State, desired: State) -> State:
    """Wanted objects that do not change but share a link with something that does.

    The way back from a change may drop them (taking back a link's first IPv4 address takes its routes too), so
    whoever goes that way must know of them.
    """
    if not observed:
        return State()
    links = {on for change in changes.values() for on in change.object.lives_on if on.table == "link"}
    links.update(key for key in changes if key.table == "link")
    return State(
        (key, obj)
        for key, obj in observed.items()
        if key.table in _ON_LINKS and key in desired and key not in changes and not links.isdisjoint(obj.lives_on)
    )


_ON_LINKS = frozenset({"address", "route", "neighbour", "fdb"})


def left_bond(change: Change) -> Key | None:
    """The master that a link goes out of, even if it comes again: a bond may miss it."""
    before, after = change.before, change.after
    if isinstance(before, LinkSetting) and before.attribute == BOND:
        left = Membership.parse(before.value).bond
        stays = isinstance(after, LinkSetting) and Membership.parse(after.value).bond == left
    elif isinstance(before, Link):
        left = before.master or ""
        stays = change.op is Op.UPDATE and isinstance(after, Link) and after.master in (None, left)
    else:
        return None
    return link_key(before.netns, left) if left and not stays else None


class Cascade:
    """The changes of one diff, completed by what falls along with them."""

    def __init__(self, changes: Changes, observed: State, desired: State) -> None:
        self._changes, self._observed, self._desired = changes, observed, desired

    def complete(self) -> None:
        """What is only made takes nothing along."""
        if not self._observed or all(change.op is Op.CREATE for change in self._changes.values()):
            return
        self._give_macs_again()
        self._say_again()
        self._replace_by_addresses()
        gone = [key for key, change in self._changes.items() if change.op in (Op.REPLACE, Op.DELETE)]
        shaken = [c for c in self._changes.values() if c.op is Op.UPDATE and isinstance(c.before, Link)]
        if not gone and not shaken:
            return
        dependents = dependents_of(self._observed)
        for change in shaken:
            gone += self._replace(key for key in dependents.get(change.key, ()) if self._shakes_off(change, key))
        gone += self._replace(self._falling_off_bare_links(gone, dependents))
        seen = set(gone)
        while gone:
            fallen = [key for key in dependents.get(gone.pop(), ()) if key not in seen]
            seen.update(fallen)
            gone += fallen
            self._replace(fallen)
        self._restore_masters(seen, dependents)

    def _replace_by_addresses(self) -> None:
        """What goes with an address that is given anew in its place: routes by which it speaks, and of IPv4, as of the
        last one, all that needs one."""
        anew = [c.object for c in self._changes.values() if is_given_anew(c)]
        if not anew:
            return
        bared = {on for address in anew if bares_link(address) for on in address.lives_on}
        sources = {(address.netns, address.cidr.partition("/")[0]) for address in anew if isinstance(address, Address)}
        self._replace(
            key
            for key, held in self._observed.items()
            if (needs_address(held) and not bared.isdisjoint(held.lives_on))
            or (isinstance(held, Route) and (held.netns, held.src) in sources)
        )

    def _give_macs_again(self) -> None:
        """A bond that its last member leaves draws a MAC: what is wanted is said anew. Source:
        drivers/net/bonding/bond_main.c __bond_release_one."""
        former = (change for change in self._changes.values() if change.before is not None)
        for key in {left for change in former if (left := left_bond(change))}:
            have, want = self._observed.get(key), self._desired.get(key)
            if isinstance(have, Bond) and isinstance(want, Bond) and want.mac and key not in self._changes:
                self._changes[key] = Change(Op.UPDATE, have, want)

    def _say_again(self) -> None:
        """What a change in place would leave otherwise than it is."""
        changed = [c for c in self._changes.values() if c.op is Op.UPDATE and KINDS.of(c.object).tc_kind]
        dependents = dependents_of(self._observed) if changed else {}
        for change in changed:
            unsettles = KINDS.of(change.object).unsettles
            for key in dependents.get(change.key, ()):
                have, want = self._observed[key], self._desired.get(key)
                if want is not None and key not in self._changes and unsettles(have):
                    self._changes[key] = Change(Op.UPDATE, have, want)

    def _replace(self, fallen: Iterable[Key]) -> list[Key]:
        """Make anew those that are wanted, and say which."""
        wanted = [key for key in fallen if key in self._desired]
        for key in wanted:
            self._changes[key] = Change(Op.REPLACE, self._observed[key], self._desired[key])
        return wanted

    def _shakes_off(self, change: Change, key: Key) -> bool:
        return KINDS.of(change.object).cascade(change.before, change.after, self._observed[key])

    def _falling_off_bare_links(self, gone: Iterable[Key], dependents: Mapping[Key, list[Key]]) -> list[Key]:
        """What falls off links of which every IPv4 address goes."""
        suspects = {on for key in gone if bares_link(self._observed[key]) for on in self._observed[key].lives_on}
        if not suspects:
            return []
        held = {on for obj in self._desired.values() if bares_link(obj) for on in obj.lives_on}
        return [
            key for link in suspects - held for key in dependents.get(link, ()) if needs_address(self._observed[key])
        ]

    def _restore_masters(self, gone: set[Key], dependents: Mapping[Key, list[Key]]) -> None:
        """A link whose master goes is left without one: what is wanted is said anew, and what falls off with it."""
        doomed = {key for key in gone if key.table == "link"}
        for key, have in self._observed.items():
            if not isinstance(have, Link) or not have.master or link_key(have.netns, have.master) not in doomed:
                continue
            want = self._desired.get(key)
            if isinstance(want, Link) and want.master and key not in gone:
                self._changes[key] = Change(Op.UPDATE, have, want)
                if have.in_vrf:
                    self._replace(on for on in dependents.get(key, ()) if lost_by_vrf(self._observed[on]))
