"""A plan: what differs, and the steps that make it so.

make    adds, nothing that works is touched;
switch  small: what exists is changed or replaced, traffic moves;
retire  deletes, after the commit record; nothing that a process may hold open goes before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum

from weft.diff import Changes
from weft.kinds import KINDS
from weft.records import dataclass
from weft.state import Change, KernelObject, Key, Op, State


class Phase(IntEnum):
    MAKE = 0
    SWITCH = 1
    RETIRE = 2


@dataclass(frozen=True, slots=True)
class Step:
    """A run of changes that one backend commits in one call. `along`: it may go at the same time as the step before it,
    for neither needs the other."""

    backend: str
    changes: tuple[Change, ...]
    along: bool = False


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
        wanted = State({k: c.after for k, c in self.changes.items() if c.after is not None})
        wanted.update(self.bystanders)
        return wanted

    @property
    def keys(self) -> frozenset[Key]:
        """All keys concerned."""
        return frozenset(self.changes) | self.bystanders.keys()

    def steps(self, *phases: Phase) -> Iterator[Step]:
        for phase in phases or tuple(Phase):
            yield from self.phases[phase]
