"""What one transaction leaves on disk: its journal, and what becomes sure with the journal's end.

Rules: the scope claims what bears no proof of its own after the journal's begin and before the first change. Claims go,
and the kept intent changes, before the journal ends. So wherever a kill comes, the journal is still there to tell
recovery, which ends it in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from weft.observe import Machine
from weft.service.claims import release
from weft.state import State
from weft.store.intents import Intents
from weft.store.journal import Journal, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The `apply.Journal` of one scope, for a transaction from `former` to `goal`. `destroys`: in the end no intent is
    kept. `claim`: notes what is the scope's before the first change."""

    journal: Journal
    intents: Intents
    machine: Machine
    former: State
    goal: State
    destroys: bool
    claim: Callable[[], None] = lambda: None

    def begin(self, record: Record) -> None:
        """Raises: Refused where a record waits for recovery, and what `claim` does; then nothing was begun."""
        try:
            self.journal.begin(record)
        except BaseException:
            self.intents.discard(self.machine.scope)
            raise
        try:
            self.claim()
        except BaseException:
            self.end()
            raise

    def commit(self) -> None:
        self.journal.commit()

    def is_committed(self) -> bool:
        return self.journal.is_committed()

    def end(self) -> None:
        reached = self.goal if self.is_committed() else self.former
        release(self.machine, self.former.keys() | self.goal.keys(), reached)
        scope = self.machine.scope
        if not self.is_committed():
            self.intents.discard(scope)
        elif self.destroys:
            self.intents.remove(scope)
        else:
            self.intents.publish(scope)
        self.journal.end()
