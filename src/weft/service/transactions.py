"""How a scope's transactions end: done, led back, led on after a kill, and of those on trial confirmed or taken back.

Rules: whoever calls what changes anything holds the scope's lock and the host's. Every end is reached by the one road;
a second look at what has ended does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from weft.apply import REFUSALS, Progress, conclude, ignore_progress, lead_to, transact
from weft.backends.base import Selection
from weft.compiler.naming import is_own_netns
from weft.diff import Changes, diff, standing
from weft.errors import Refused, RollbackIncomplete, RolledBack, Unconfirmed
from weft.observe import Machine
from weft.plan import Plan
from weft.records import dataclass
from weft.service.absent import absent_links, links_below, without_links
from weft.service.books import Books, forget_past
from weft.service.claims import claim
from weft.service.lost_places import lost_places, tables_below, unmarked, without, without_others
from weft.service.trial import Note, TakenBack, Verb, taken_back, way_back
from weft.state import Key, State
from weft.store import journal
from weft.store.intents import Intents
from weft.store.journal import Journal, Phase, Record, Trial, half_begun

Arm: TypeAlias = Callable[[str, float], None]
"""arm(scope, deadline_s): when it returns, the guard watches. Raises: Refused."""

Settle: TypeAlias = Callable[[str, Changes, State, bool], None]
"""settle(scope, changes, desired, is_whole): what follows from changes that stay, before their journal ends. `desired`:
all of what the intent wants where it `is_whole`, else no more than what changed. May be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """`forward`: the wanted state was finished; else the former one is back. `taken_back`: because nobody confirmed.
    `lost`: namespaces, links of others and tables that are gone, and what was in or on them with them."""

    scope: str
    forward: bool
    taken_back: bool = False
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transactions:
    """`run_directory`: where the journals are. `machine_of`: the kernel as a scope sees it."""

    run_directory: Path
    intents: Intents
    machine_of: Callable[[str], Machine]
    arm: Arm
    settle: Settle

    def carry_out(
        self,
        machine: Machine,
        todo: Plan,
        desired: State,
        note: Note,
        progress: Progress = ignore_progress,
        adopted: Collection[Key] = (),
    ) -> None:
        """One transaction, whole also where nothing is to change in the kernel: then claims and the kept intent may.
        `desired`: what is wanted, with the ground that it stands on; `adopted`: what of it is there and unclaimed."""
        record = Record(former=todo.before, goal=todo.after, note=note.plain())
        books = replace(
            self._books(machine, record),
            claim=lambda: claim(machine, todo, desired, adopted),
            arm=lambda: self.arm(machine.scope, note.deadline_s) if note.deadline_s is not None else None,
            settle=lambda: self.settle(machine.scope, todo.changes, desired, note.verb is not Verb.TAKE_BACK),
        )
        look = machine.looker(record.former, record.goal)
        transact(todo, machine.backends, books, look, progress=progress, record=record)

    def recover(self, scope: str) -> Recovered | None:
        """Lead an apply that did not end to one of its two ends, and take back what nobody confirmed in time."""
        finished = self._finish(scope)
        return self._end_trial(scope) or finished

    def give_up(self, scope: str) -> None:
        """Forget what can be led to no end, for a destroy that takes away what is there: no claim is released, so that
        it finds all of it. Raises: JournalDamaged."""
        journal = self._journal(scope)
        left = journal.read()
        if left is not None:
            phase, record = left
            if phase is Phase.COMMITTED and Note.of(record).verb is Verb.APPLY:
                self.intents.publish(scope)
            else:
                self.intents.discard(scope)
        self.intents.end_trial(scope)
        journal.end_trial()
        journal.end()

    def keys(self, scope: str) -> set[Key]:
        """All that did not end speaks of: what of it is there without a mark was being made. Raises:
        JournalDamaged."""
        journal = self._journal(scope)
        records = [found[1] for found in (journal.read(), journal.trial()) if found]
        return {key for record in records for key in (*record.former, *record.goal)}

    def confirm(self, scope: str) -> None:
        """Keep what is on trial; one that was cut short is led on. Raises: Refused where nothing is, or it is taken
        back."""
        before = self._journal(scope).trial()
        self.recover(scope)
        if before is not None and before[0] is Trial.CONFIRMED:
            return
        found = self._journal(scope).trial()
        if found is None:
            raise self.nothing_on_trial(scope)
        self._journal(scope).confirm()
        self._keep(scope, found[1])

    def demand_no_trial(self, scope: str) -> None:
        """Raises: Unconfirmed."""
        left_s = self.unconfirmed_s(scope)
        if left_s is not None:
            raise Unconfirmed(
                f"the last change of {scope} is not confirmed: `weft confirm {scope}` keeps it, else it is taken back "
                f"in {left_s:.0f} s; nothing was changed"
            )

    def unconfirmed_s(self, scope: str) -> float | None:
        """Seconds until the scope's trial is over, None where there is none."""
        found = self._journal(scope).trial()
        return Note.of(found[1]).left_s if found and found[0] is Trial.UNCONFIRMED else None

    def only_trial(self) -> str:
        """The one scope that is on trial, or that was taken back last. Raises: Refused where there are several, or
        none."""
        names = sorted(self.on_trial())
        if len(names) > 1:
            raise Refused(f"{' and '.join(names)} wait to be confirmed; say which: weft confirm NAME")
        over = taken_back(self.run_directory)
        if not names and not over:
            raise Refused("nothing waits to be confirmed")
        return names[0] if names else max(over, key=lambda one: one.at() or 0.0).scope

    def is_unfinished(self, scope: str) -> bool:
        return self._journal(scope).phase() is not None

    def is_guarded(self, scope: str) -> bool:
        return self.is_unfinished(scope) or self._journal(scope).is_on_trial()

    def unfinished(self) -> set[str]:
        return {waiting.name for waiting in journal.waiting(self.run_directory)}

    def on_trial(self) -> set[str]:
        return {tried.name for tried in journal.on_trial(self.run_directory)}

    def left(self) -> set[str]:
        """The scopes of which anything that did not end lies on disk."""
        return self.unfinished() | self.on_trial() | {*half_begun(self.run_directory), *self.intents.staged()}

    def _finish(self, scope: str) -> Recovered | None:
        journal = self._journal(scope)
        left = journal.read()
        if left is None:
            journal.sweep()
            self.intents.discard(scope)
            return None
        phase, record = left
        forward = phase is Phase.COMMITTED
        machine = self.machine_of(scope)
        keys = frozenset(record.former.keys() | record.goal.keys())
        wanted = record.goal if forward else record.former
        goal, lost = _what_can_be(machine, record, wanted)
        lead_to(goal, keys, machine.backends, machine.looker(record.former, record.goal))
        settle = partial(self.settle, scope, diff(record.former, record.goal), goal, False)
        conclude(replace(self._books(machine, record), settle=settle))
        is_back = forward and Note.of(record).verb is Verb.TAKE_BACK
        return Recovered(scope=scope, forward=forward and not is_back, taken_back=is_back, lost=lost)

    def _end_trial(self, scope: str) -> Recovered | None:
        """Nothing where there is no trial, or one that has time left."""
        found = self._journal(scope).trial()
        if found is None:
            self.intents.end_trial(scope)
            return None
        trial, record = found
        if trial is Trial.CONFIRMED:
            self._keep(scope, record)
            return Recovered(scope=scope, forward=True)
        if Note.of(record).left_s > 0:
            return None
        return self._take_back(scope, record)

    def _take_back(self, scope: str, record: Record) -> Recovered:
        """Raises: RollbackIncomplete where something refuses the way back; then all is as it was tried."""
        machine = self.machine_of(scope)
        can_be, lost = _what_can_be(machine, record, record.former)
        todo, former = way_back(machine, record, can_be)
        try:
            self.carry_out(machine, todo, former, Note(verb=Verb.TAKE_BACK))
        except RolledBack as failure:
            if not isinstance(failure.__cause__, REFUSALS):
                raise
            raise RollbackIncomplete(
                f"{scope} was not confirmed in time, but cannot be taken back: {failure.__cause__}; it is still as it "
                "was tried; run: weft recover; if that does not help, weft destroy takes all of it away"
            ) from failure
        return Recovered(scope=scope, forward=False, taken_back=True, lost=lost)

    def _keep(self, scope: str, record: Record) -> None:
        """End a trial that was confirmed."""
        if Note.of(record).verb is Verb.DESTROY:
            self.intents.remove(scope)
        else:
            self.intents.confirm(scope)
        forget_past(self.run_directory, self.intents, scope)
        self._journal(scope).end_trial()

    def nothing_on_trial(self, scope: str) -> Refused:
        """Why there is nothing to confirm: never was, or it is taken back."""
        at = TakenBack(self.run_directory, scope).at()
        if at is None:
            return Refused(f"nothing of {scope} waits to be confirmed")
        when = time.strftime("%H:%M:%S", time.localtime(at))
        return Refused(f"too late: {scope} was taken back at {when}; everything is as it was before")

    def _books(self, machine: Machine, record: Record) -> Books:
        return Books(
            journal=self._journal(machine.scope),
            intents=self.intents,
            machine=machine,
            former=record.former,
            goal=record.goal,
            note=Note.of(record),
        )

    def _journal(self, scope: str) -> Journal:
        return Journal(self.run_directory, scope)


def _what_can_be(machine: Machine, record: Record, wanted: State) -> tuple[State, tuple[str, ...]]:
    """The state but for what is in namespaces, on links and in tables that are gone, and the names of these."""
    others = machine.marks().keys() - machine.own_namespaces() - unmarked(record.former) - unmarked(record.goal)
    left = without_others(wanted, others)
    places = lost_places(left, machine.has, {name for name in others if is_own_netns(machine.scope, name)})
    left = without(left, places)
    tables = tables_below(left)
    tables -= machine.read(Selection(keys=tables)).keys() if tables else set()
    left = standing(left, tables) if tables else left
    grounds = frozenset(links_below(left.values()))
    links = absent_links(left, machine.read(Selection(keys=grounds)))
    names = (*sorted(places), *sorted({link.name for link in links}), *sorted(map(str, tables)))
    return without_links(left, left, links), names
