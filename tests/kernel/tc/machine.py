"""The whole road for states said by a test: split, claim, transact, release, as the service goes it."""

from __future__ import annotations

from collections.abc import Iterable

from weft.apply import Backends, transact
from weft.observe import Machine
from weft.ownership import Split
from weft.plan import Plan, plan
from weft.service import Service
from weft.service.claims import claim, release
from weft.state import KernelObject, State
from weft.store.journal import Journal

SCOPE = "lab"


class Road:
    """One scope on the host of the world that the thread is in."""

    def __init__(self) -> None:
        self.service = Service()
        self.machine: Machine = self.service.machine(SCOPE)
        self.journal = Journal(self.service.run_directory, SCOPE)

    def split(self, goal: State) -> Split:
        observed = self.machine.observe((), self.machine.noted())
        observed.update(self.machine.read_singly(goal, observed))
        return self.machine.split(observed, goal)

    def plan(self, goal: State) -> Plan:
        parts = self.split(goal)
        assert not parts.foreign, parts.foreign
        return plan(parts.ours, goal)

    def go(self, wanted: Iterable[KernelObject], backends: Backends | None = None) -> Plan:
        """Lead the machine to what is wanted. Raises: RolledBack."""
        goal = State.of(wanted)
        todo = self.plan(goal)
        claim(self.machine, todo, goal, ())
        reached = todo.before
        try:
            looker = self.machine.looker(todo.before, goal)
            transact(todo, backends or self.machine.backends, self.journal, looker)
            reached = goal
        finally:
            release(self.machine, todo.keys | set(self.machine.noted()), reached)
        return todo
