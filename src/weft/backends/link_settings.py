"""Attributes of others' links, and the tuning of any: written by rtnetlink and ethtool, the former value in the ledger.

Rules: as for every setting (see `former`): what stood there is noted before it is touched, and is put back only where
what stands there is still ours; addresses always, for they are the host's way to the world. The reading and the writing
are the rtnl backend's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from weft.backends.base import Selection
from weft.backends.former import Entry, FormerValues, settle_after, to_put_back
from weft.backends.rtnl import Offloads, Rtnl
from weft.kinds.setting.belongings import ADDRESSES, joined
from weft.kinds.setting.link import OFFLOAD, LinkSetting, parse
from weft.state import Change, Key, Op, State, link_key


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
        self._rtnl.commit([_write(step, step.goal) for step in steps if step.goal is not None])
        settle_after(self._ledger, changes, self._scope)

    def _selected(self, selection: Selection) -> Iterator[Key]:
        yield from selection.keys
        yield from (key for key in self._ledger.entries() if key.netns in selection.namespaces)

    def _read(self, keys: set[Key]) -> Iterator[LinkSetting]:
        links = self._rtnl.links({_link_of(key) for key in keys}, _offloads(keys))
        for key in keys:
            link, attribute = links.get(_link_of(key)), _attribute_of(key)
            if link is None:
                continue
            held = self._rtnl.held(link.key).value if attribute == ADDRESSES else None
            if setting := parse(link, attribute, held):
                yield setting

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
                yield _Step(change, seen, seen.value, self._former(seen, entry, cookie), cookie)

    def _former(self, seen: LinkSetting, entry: Entry | None, cookie: int) -> str | None:
        """What comes back; of addresses beside those that have come since."""
        if seen.attribute != ADDRESSES or entry is None:
            return to_put_back(entry, now=seen.value, cookie=cookie, scope=self._scope)
        former = to_put_back(entry, now=entry.ours[-1], cookie=cookie, scope=self._scope)
        return None if former is None else joined(former, seen.value)

    def _entry(self, step: _Step) -> Entry:
        return Entry(
            key=step.change.key,
            scopes=(self._scope,),
            former=step.now,
            ours=(step.setting.value,),
            cookie=step.cookie,
        )


def _write(step: _Step, value: str) -> Change:
    return Change(Op.UPDATE, replace(step.setting, value=step.now), replace(step.setting, value=value))


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
