"""Attributes of others' links, and the tuning of any: written by rtnetlink and ethtool, the former value in the ledger.

Rules: as for every setting (see `former`): what stood there is noted before it is touched, and is put back only where
what stands there is still ours; addresses always, for they are the host's way to the world. The reading and the writing
are the rtnl backend's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from errno import EBUSY

from weft.backends.base import Selection
from weft.backends.former import Entry, FormerValues, settle_after, to_put_back
from weft.backends.rtnl import Offloads, Rtnl
from weft.errors import KernelRefused
from weft.kinds.setting.belongings import ADDRESSES, joined
from weft.kinds.setting.link import BOND, MASTER, OFFLOAD, ROOT_QDISC, LinkSetting, Membership, parse
from weft.kinds.setting.port import PORT
from weft.kinds.setting.root_qdisc import is_half_made
from weft.kinds.tc.qdisc import ROOT, qdisc_key
from weft.records import dataclass
from weft.state import Change, KernelObject, Key, Op, State, link_key


@dataclass(frozen=True, slots=True)
class _Step:
    """`goal` None for nothing to write. `cookie`: of the link's namespace."""

    change: Change
    setting: LinkSetting
    now: str
    goal: str | None
    cookie: int


class LinkSettings:
    """The backend of link settings, for one scope."""

    def __init__(self, rtnl: Rtnl, ledger: FormerValues, scope: str) -> None:
        self._rtnl, self._ledger, self._scope = rtnl, ledger, scope

    def observe(self, selection: Selection) -> State:
        """The settings that are selected, and those that the ledger has for the selected namespaces."""
        return State.of(self._read({key for key in self._selected(selection) if key.table == "link-setting"}))

    def commit(self, changes: Sequence[Change]) -> None:
        """As the contract has it. Raises: KernelRefused, NotPermitted, ForeignObject, DiskFull."""
        steps = list(self._steps(changes))
        self._ledger.note(self._entry(step) for step in steps if step.change.op is not Op.DELETE)
        writes = [step for step in steps if step.goal is not None]
        try:
            self._rtnl.commit([_write(step) for step in writes if _attribute_of(step.change.key) != PORT])
        except KernelRefused as refused:
            self._take_half_trees_away(writes)
            raise _told(refused) from None
        self._say_ports([step for step in writes if _attribute_of(step.change.key) == PORT])
        settle_after(self._ledger, changes, self._scope)

    def _take_half_trees_away(self, steps: Sequence[_Step]) -> None:
        """A tree of which the kernel refused a part would be taken for what somebody has put there since, and left: the
        next attempt is to find none."""
        for step in steps:
            if step.setting.attribute == ROOT_QDISC and step.goal:
                with suppress(KernelRefused):
                    self._rtnl.commit([_write(replace(step, goal=""))])

    def _say_ports(self, steps: list[_Step]) -> None:
        """When the ports are back in their bridge, which has forgotten them."""
        if steps:
            now = {setting.key: setting.value for setting in self._read({step.change.key for step in steps})}
            self._rtnl.commit([_write(replace(step, now=now.get(step.change.key, ""))) for step in steps])

    def _selected(self, selection: Selection) -> Iterator[Key]:
        yield from selection.keys
        whole = frozenset(selection.namespaces)
        yield from (key for key in self._ledger.entries() if key.netns in whole)

    def _read(self, keys: set[Key]) -> Iterator[LinkSetting]:
        links = self._rtnl.links({_link_of(key) for key in keys}, _offloads(keys))
        ports = self._rtnl.ports({_link_of(key) for key in keys if _attribute_of(key) == PORT})
        for key in keys:
            link, attribute = links.get(_link_of(key)), _attribute_of(key)
            if link is None:
                continue
            if setting := parse(link, attribute, self._held(link.key, attribute, ports)):
                yield setting

    def _held(self, link: Key, attribute: str, ports: Mapping[Key, str]) -> str:
        """What of somebody else's the link has, in the words of the attribute."""
        if attribute == ROOT_QDISC:
            return self._foreign_root(link)
        return self._rtnl.held(link).value if attribute == ADDRESSES else ports.get(link, "")

    def _foreign_root(self, link: Key) -> str:
        claimed = self._ledger.entries().get(qdisc_key(link.netns, link.name, ROOT))
        return self._rtnl.foreign_root(link, claimed.ours if claimed else ())

    def _steps(self, changes: Sequence[Change]) -> Iterator[_Step]:
        """Nothing for the end of a setting whose link is gone; a wanted one is tried, for the kernel to refuse."""
        there = {setting.key: setting for setting in self._read({change.key for change in changes})}
        entries = self._ledger.entries()
        for change in changes:
            wanted, seen = change.after, there.get(change.key)
            if isinstance(wanted, LinkSetting):
                cookie = self._rtnl.cookie(change.key.netns) if seen else 0
                yield _Step(change, wanted, seen.value if seen else "", wanted.value, cookie)
            elif seen is not None:
                cookie = self._rtnl.cookie(change.key.netns)
                entry = entries.get(change.key)
                yield _Step(change, seen, seen.value, self._former(change, seen, entry, cookie), cookie)

    def _former(self, change: Change, seen: LinkSetting, entry: Entry | None, cookie: int) -> str | None:
        """What comes back; of addresses beside those that have come since, of a port when it is where it was. A master
        that is gone by then has nothing to come back to."""
        is_whole = entry is not None and (
            seen.attribute in (ADDRESSES, PORT) or _is_begun(seen, entry) or _is_let_go(change.before, seen)
        )
        now = entry.ours[-1] if is_whole and entry else seen.value
        former = to_put_back(entry, now=now, cookie=cookie, scope=self._scope)
        if former is None:
            return None
        if seen.attribute in (MASTER, BOND) and self._is_gone(replace(seen, value=former)):
            return str(Membership("", Membership.parse(former).up)) if seen.attribute == BOND else ""
        return joined(former, seen.value) if seen.attribute == ADDRESSES else former

    def _is_gone(self, setting: LinkSetting) -> bool:
        """Whether the master that it names is not there."""
        return bool(setting.lives_on[1:]) and not self._rtnl.links(set(setting.lives_on[1:]), {})

    def _entry(self, step: _Step) -> Entry:
        return Entry(
            key=step.change.key,
            scopes=(self._scope,),
            former=step.now,
            ours=(step.setting.value,),
            cookie=step.cookie,
        )


def _told(refused: KernelRefused) -> KernelRefused:
    """With a reason where the kernel gives none: a link hands its frames to one other. Source: net/core/dev.c
    netdev_rx_handler_register."""
    if refused.errno_ != EBUSY or refused.extack or not refused.change.endswith((f" {MASTER}", f" {BOND}")):
        return refused
    why = "what stands upon it takes its frames (`ip -d link` shows it); delete that, or stand on it too (`mode:`)"
    return KernelRefused(refused.change, refused.errno_, f"busy: {why}", refused.where)


def _is_begun(seen: LinkSetting, entry: Entry) -> bool:
    """Whether a kill has left half of the tree that is to come back: it is taken away, and made whole."""
    return seen.attribute == ROOT_QDISC and is_half_made(seen.value, entry.former or "")


def _is_let_go(before: KernelObject | None, seen: LinkSetting) -> bool:
    """Whether its bond went in this apply, to be made anew: the kernel then takes a member out and closes it."""
    if seen.attribute != BOND or not isinstance(before, LinkSetting):
        return False
    return bool(Membership.parse(before.value).bond) and Membership.parse(seen.value) == Membership("", False)


def _write(step: _Step) -> Change:
    return Change(Op.UPDATE, replace(step.setting, value=step.now), replace(step.setting, value=step.goal or ""))


def _link_of(key: Key) -> Key:
    return link_key(key.netns, key.name.split(" ", 1)[0])


def _attribute_of(key: Key) -> str:
    return key.name.split(" ", 1)[1]


def _offloads(keys: set[Key]) -> Offloads:
    found: dict[Key, tuple[str, ...]] = {}
    for key in keys:
        if _attribute_of(key).startswith(OFFLOAD):
            link = _link_of(key)
            found[link] = (*found.get(link, ()), _attribute_of(key).removeprefix(OFFLOAD))
    return found
