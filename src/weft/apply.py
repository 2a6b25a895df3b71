"""One transaction over all of the kernel: the former state or the wanted one, whatever happens on the way.

Rules: the journal is written before the first change and marked committed before anything is retired.
Until that mark a failure leads back to the former state; after it only forward. Both ways are the one road: look,
diff, plan, commit. Nothing here knows which kernel it talks to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol, TypeAlias

from weft.backends.base import Backend
from weft.beside import side_by_side
from weft.errors import RollbackIncomplete, RolledBack, WeftError
from weft.plan import Phase, Plan, Step, plan
from weft.state import Key, State
from weft.store.journal import Record

Backends: TypeAlias = Mapping[str, Backend]
Look: TypeAlias = Callable[[frozenset[Key], State], State]
"""look(keys, goal): what the kernel has now of these keys and is ours, or becomes ours because `goal` wants it."""

Progress: TypeAlias = Callable[[int], None]
"""Told how many more changes are done."""

REFUSALS = (WeftError, OSError)
"""What a step of the way may end with: the kernel's no, or a system call's (ENOBUFS, EMFILE)."""

WORTH_A_THREAD = 100
"""Changes: fewer are done before a thread pays."""

ATTEMPTS = 3
"""How often a goal is tried again when the kernel refuses a step of the way (somebody may be changing things too)."""


class Journal(Protocol):
    """What remembers one transaction. Each call is durable when it returns."""

    def begin(self, record: Record) -> None: ...

    def commit(self) -> None: ...

    def is_committed(self) -> bool: ...

    def end(self) -> None: ...


def ignore_progress(done: int) -> None:
    pass


def transact(
    todo: Plan,
    backends: Backends,
    journal: Journal,
    look: Look,
    *,
    progress: Progress = ignore_progress,
    record: Record | None = None,
) -> None:
    """Carry out a plan as one transaction. `record`: what stands in the journal, where it says more than the plan.

    Raises: RolledBack (the former state is back; the cause is chained), RollbackIncomplete (the journal stays).
    """
    record = record or Record(former=todo.before, goal=todo.after)
    journal.begin(record)
    try:
        run(todo.steps(Phase.MAKE, Phase.SWITCH), backends, progress)
        journal.commit()
    except BaseException as failure:  # a signal must not leave things half done either
        if journal.is_committed():  # it came right behind the record: recovery leads on
            raise
        lead_to(record.former, todo.keys, backends, look)
        conclude(journal)
        raise RolledBack(f"{failure or type(failure).__name__}; everything is as it was before") from failure
    try:
        run(todo.steps(Phase.RETIRE), backends, progress)
    except REFUSALS:
        lead_to(record.goal, todo.keys, backends, look)
    conclude(journal)


def conclude(journal: Journal) -> None:
    """Raises: RollbackIncomplete where the disk refuses, or what follows from the change: the kernel is as it
    should be, but the journal stays."""
    try:
        journal.end()
    except REFUSALS as failure:
        why = f"the networks are as they shall be, but what follows from it could not be done: {failure}"
        raise RollbackIncomplete(f"{why}; run: weft recover") from failure


def run(steps: Iterable[Step], backends: Backends, progress: Progress = ignore_progress) -> None:
    """Commit the steps in their order, large ones that may go at the same time so.

    Raises: KernelRefused and what else the backends raise.
    """
    left = deque(steps)
    while left:
        step = left.popleft()
        commit = partial(backends[step.backend].commit, step.changes)
        if left and left[0].along and min(len(step.changes), len(left[0].changes)) >= WORTH_A_THREAD:
            along = left.popleft()  # the first in the thread: the other way round it brings half as much
            side_by_side(partial(backends[along.backend].commit, along.changes), commit)
            progress(len(step.changes) + len(along.changes))
        else:
            commit()
            progress(len(step.changes))


def lead_to(goal: State, keys: frozenset[Key], backends: Backends, look: Look) -> None:
    """Make the objects of `keys` as `goal` has them, by the same road as every apply. Rollback and recovery both.

    Raises: RollbackIncomplete with the last refusal as its cause.
    """
    refusal: Exception | None = None
    left = "the kernel could not be read"
    for attempt in range(ATTEMPTS + 1):
        try:
            todo = plan(look(keys, goal), goal)
            if not todo:
                return
            left = ", ".join(map(str, list(todo.changes.values())[:5]))
            if attempt < ATTEMPTS:
                run(todo.steps(), backends)
        except REFUSALS as again:
            refusal = again
    raise RollbackIncomplete(
        f"could not finish: {left}; last refusal: {refusal}; run: weft recover; "
        "if that does not help, weft destroy takes all of it away"
    ) from refusal
