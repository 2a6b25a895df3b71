"""What one transaction leaves on disk: its journal, and what becomes sure with the journal's end.

Rules: the scope claims what bears no proof of its own after the journal's begin and before the first change. Claims go,
the kept intent changes, and connections that may not go on end, before the journal does. So wherever a kill comes, the
journal is still there to tell recovery, which ends it in the same way. What its recorder has kept goes with the last
intent of a scope. Of a change on trial journal and intent are set aside until it is confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path

from weft.observe import Machine
from weft.records import dataclass
from weft.service.claims import release
from weft.service.trial import Note, TakenBack, Verb
from weft.state import Key, State
from weft.store.intents import Intents
from weft.store.journal import Journal, Record
from weft.store.ring import file_name, forget


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The `apply.Journal` of one scope, for a transaction from `former` to `goal`. `note`: what it is for. `claim`:
    notes what is the scope's before the first change; `arm`: the last thing before it; `settle`: what follows from a
    change that stays, once the intent of it is the kept one."""

    journal: Journal
    intents: Intents
    machine: Machine
    former: State
    goal: State
    note: Note
    claim: Callable[[], None] = lambda: None
    arm: Callable[[], None] = lambda: None
    settle: Callable[[], None] = lambda: None

    def begin(self, record: Record) -> None:
        """Raises: Refused where a record waits for recovery, and what `claim` and `arm` do; then nothing was begun."""
        try:
            self.journal.begin(record)
        except BaseException:
            self.intents.discard(self.machine.scope)
            raise
        try:
            self._taken_back.forget()
            self.claim()
            self.arm()
        except BaseException:
            self.end()
            raise

    def commit(self) -> None:
        self.journal.commit()

    def is_committed(self) -> bool:
        return self.journal.is_committed()

    def end(self) -> None:
        reached = self.goal if self.is_committed() else self.former
        release(self.machine, self._concerned(), reached)
        if self.is_committed():
            self._keep()
            self.settle()
        else:
            self.intents.discard(self.machine.scope)
        forget_past(self.journal.directory, self.intents, self.machine.scope)
        self._close()

    def _concerned(self) -> Set[Key]:
        """Of what may have to be let go: of a scope that goes also what was on a link that is gone, and so is in no
        plan."""
        of_plan = self.former.keys() | self.goal.keys()
        is_over = self.note.verb is Verb.DESTROY and self.is_committed()
        return of_plan | set(self.machine.noted()) if is_over else of_plan

    def _keep(self) -> None:
        """Of the intents the one that says what is there now."""
        scope = self.machine.scope
        if self.note.verb is Verb.TAKE_BACK:
            self._taken_back.note()
            self.intents.end_trial(scope)
        elif self.note.deadline_s is not None:
            self.intents.suspend(scope)
        elif self.note.verb is Verb.DESTROY:
            self.intents.remove(scope)
        else:
            self.intents.publish(scope)

    def _close(self) -> None:
        if self.is_committed() and self.note.verb is Verb.TAKE_BACK:
            self.journal.end_trial()
        elif self.is_committed() and self.note.deadline_s is not None:
            self.journal.suspend()
        self.journal.end()

    @property
    def _taken_back(self) -> TakenBack:
        return TakenBack(self.journal.directory, self.machine.scope)


def forget_past(run_directory: Path, intents: Intents, scope: str) -> None:
    """Delete what the scope's recorder has kept, unless there is an intent of it; done already is fine."""
    if not intents.holds(scope):
        forget(run_directory / file_name(scope))
