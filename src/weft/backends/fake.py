"""A kernel in memory: the contract of the real backends, with their cascades, for property tests.

Rules: refuses what the kernel refuses (an object without its ground, a name taken), drops along what the kernel drops
along, and keeps former values as the ledger does. Passes the same contract suite as the real backends.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace

from weft.backends.base import Selection
from weft.diff import bares_link, dependents_of, needs_address
from weft.errors import KernelRefused
from weft.kinds import KINDS
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.kinds.setting.sysctl import Sysctl
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.pfifo import Pfifo
from weft.kinds.tc.qdisc import CLASS, Qdisc, qdisc_key
from weft.kinds.tc.tbf import Tbf
from weft.state import Change, KernelObject, Key, Op, State

DEFAULT_SETTING = "0"
"""What every sysctl of a fresh namespace reads."""


class FakeKernel:
    """All backends in one. `fault` is asked before each change and may raise to refuse it."""

    def __init__(self, state: State | None = None, fault: Callable[[Change], None] | None = None) -> None:
        self.state = State(state or {})
        self.former: dict[Key, str] = {k: DEFAULT_SETTING for k, o in self.state.items() if isinstance(o, Sysctl)}
        self.fault = fault or (lambda change: None)
        self._births: set[Key] = set()

    def observe(self, selection: Selection) -> State:
        return State(self.state)

    def commit(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.fault(change)
            match change.op:
                case Op.CREATE:
                    self._create(change)
                case Op.UPDATE:
                    self._update(change)
                case Op.DELETE:
                    if change.key.table == CLASS and self._classes_of(change.key):
                        self._refuse(change, errno.EBUSY)
                    self._delete(change.key)
                case Op.REPLACE:
                    self._delete(change.key)
                    self._create(change)

    def _create(self, change: Change) -> None:
        obj = change.after
        assert obj is not None
        if obj.key in self._births:
            self._births.discard(obj.key)
        elif obj.key in self.state:
            self._refuse(change, errno.EEXIST)
        elif isinstance(obj, Veth):
            self._pair(change, obj)
        self._check(change, obj)
        if isinstance(obj, HtbClass):
            self._delete(qdisc_key(obj.netns, obj.ifname, obj.parent))  # an inner class has no queue
        elif isinstance(obj, Qdisc) and self._classes_of(obj.lives_on[-1]):
            self._refuse(change, errno.EINVAL)
        self.state[obj.key] = obj
        if isinstance(obj, Sysctl):
            self.former.setdefault(obj.key, DEFAULT_SETTING)

    def _pair(self, change: Change, end: Veth) -> None:
        """The leader's creation makes both ends; the fellow's alone is refused, as its veth would have no other end."""
        if not end.leads or end.peer in self.state:
            self._refuse(change, errno.EEXIST)
        if any(on not in self.state for on in end.lives_on):
            self._refuse(change, errno.EINVAL)
        self.state[end.peer] = Veth(
            netns=end.peer_netns, ifname=end.peer_ifname, peer_netns=end.netns, peer_ifname=end.ifname
        )
        self._births.add(end.peer)

    def _update(self, change: Change) -> None:
        obj = change.after
        assert obj is not None
        if type(self.state.get(obj.key)) is not type(obj):
            self._refuse(change, errno.ENODEV)
        self._check(change, obj)
        if isinstance(obj, Link):
            self._shake(obj)
        self.state[obj.key] = self._as_taken(obj)

    def _as_taken(self, obj: KernelObject) -> KernelObject:
        """What is changed in place, as the kernel has it then; a TBF tells its limit to the fifo below it."""
        if isinstance(obj, HtbClass) and self._classes_of(obj.key):
            before = self.state[obj.key]
            assert isinstance(before, HtbClass)
            return replace(obj, quantum_bytes=before.quantum_bytes, priority=before.priority)
        if isinstance(obj, Tbf):
            for key, below in self.state.items():
                if isinstance(below, Pfifo) and obj.key in below.lives_on:
                    self.state[key] = replace(below, limit_packets=obj.limit_bytes)
        return obj

    def _classes_of(self, key: Key) -> bool:
        return any(isinstance(obj, HtbClass) and obj.lives_on[-1] == key for obj in self.state.values())

    def _shake(self, after: Link) -> None:
        before, cascade = self.state[after.key], KINDS.of(after).cascade
        for key, dependent in list(self.state.items()):
            if after.key in dependent.lives_on and cascade(before, after, dependent):
                del self.state[key]

    def _check(self, change: Change, obj: KernelObject) -> None:
        if any(on not in self.state for on in obj.lives_on):
            self._refuse(change, errno.ENODEV)
        if isinstance(obj, Link) and obj.master and Key("link", obj.netns, obj.master) not in self.state:
            self._refuse(change, errno.ENODEV)
        wanted = set(KINDS.of(obj).claims(obj))
        if wanted and any(
            not wanted.isdisjoint(KINDS.of(other).claims(other))
            for other in self.state.values()
            if isinstance(other, Link) and other.key != obj.key
        ):
            self._refuse(change, errno.EEXIST)

    def _delete(self, key: Key) -> None:
        obj = self.state.get(key)
        if obj is None:
            return
        dependents = dependents_of(self.state)
        doomed = [key]
        while doomed:
            gone = doomed.pop()
            obj = self.state.pop(gone, None)
            if obj is None:
                continue
            self.former.pop(gone, None)
            self._births.discard(gone)
            doomed.extend(dependents.get(gone, ()))
            if isinstance(obj, Link):
                self._free_members(obj)
            if bares_link(obj):
                doomed.extend(self._falling_if_bare(obj.lives_on))

    def _falling_if_bare(self, links: tuple[Key, ...]) -> list[Key]:
        """What falls off a link that has no IPv4 address left."""
        if any(bares_link(obj) and obj.lives_on == links for obj in self.state.values()):
            return []
        return [key for key, obj in self.state.items() if needs_address(obj) and obj.lives_on == links]

    def _free_members(self, master: Link) -> None:
        for key, obj in self.state.items():
            if isinstance(obj, Link) and obj.netns == master.netns and obj.master == master.ifname:
                self.state[key] = replace(obj, master="")

    def _refuse(self, change: Change, code: int) -> None:
        raise KernelRefused(str(change), code)
