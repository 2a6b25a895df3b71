"""The second half of the road, under locks: recover what waits, think it through, agree, apply, verify, keep.

Rules: nothing here prints or asks; a door passes `agree`, which is shown the plan and raises to stop it. Locks are held
from before the machine is observed until the transaction has ended; verification is outside of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from weft.apply import Progress, ignore_progress
from weft.backends.base import Selection
from weft.backends.link_settings import LinkSettings
from weft.backends.nft import Nft
from weft.backends.process import Processes
from weft.backends.rtnl import Rtnl
from weft.backends.settings import Settings
from weft.collector import uncollected
from weft.diff import Changes
from weft.errors import PlanStale, ProgramFailed, Refused, RollbackIncomplete, RolledBack, WeftError
from weft.files import Loaded
from weft.model.intent import Intent
from weft.netlink.namespaces import Namespaces
from weft.observe import Machine
from weft.service.former import Former, former_of, read_kept, touched_host, touches_host
from weft.service.guard import Guard
from weft.service.listed import Program, Scope, programs, readable, scopes
from weft.service.places import enter
from weft.service.prepared import Prepared, prepare, prepare_nothing
from weft.service.settling import settle
from weft.service.status import Status, status_of
from weft.service.transactions import Recovered, Transactions
from weft.service.trial import Note, Verb, on_trial
from weft.state import HOST, State
from weft.store.host import LIB_BASE, RUN_BASE, host_id, run_directory
from weft.store.intents import Intents, Kept
from weft.store.journal import JournalDamaged
from weft.store.ledger import Ledger
from weft.store.locks import HOST_LOCK, LOCKS, hold, hold_for
from weft.verify import verify

if TYPE_CHECKING:
    from weft.backends.counters import Glance
    from weft.check.finding import Finding
    from weft.picture.view import Topology

WAIT_S = 10.0
"""How long a command waits for another weft's locks, in seconds, unless told otherwise."""

GLANCE_S = 0.5
"""An answer that took longer may be to a plan that is no longer true: it is made again and compared."""

Agree: TypeAlias = Callable[[Prepared], None]


class Service:
    """weft on the host that the process is on."""

    def __init__(self, *, run_base: Path = RUN_BASE, lib_base: Path = LIB_BASE, command: str = "weft") -> None:
        self.host_id = host_id()
        self.run_directory = run_directory(self.host_id, run_base)
        self._intents = Intents(lib_base)
        self._command = command
        self.namespaces = Namespaces()
        self._rtnl = Rtnl(self.namespaces)
        self._nft = Nft(self.namespaces)
        self._processes = Processes(self.namespaces, self.run_directory)
        self._ledger = Ledger(self.run_directory)
        self._guard = Guard(run_base, lib_base)

    def close(self) -> None:
        """Let go of every socket and namespace kept; for whoever lives longer than one command."""
        self._rtnl.close()
        self._nft.close()
        self.namespaces.close()

    def machine(self, scope: str) -> Machine:
        """The kernel as one scope sees it; sockets are kept from one call to the next."""
        return Machine(
            host_id=self.host_id,
            scope=scope,
            rtnl=self._rtnl,
            nft=self._nft,
            settings=Settings(self.namespaces, self._ledger, scope),
            link_settings=LinkSettings(self._rtnl, self._ledger, scope),
            processes=self._processes,
            ledger=self._ledger,
        )

    def prepare(self, loaded: Loaded, *, lenient: bool = False) -> Prepared:
        """Think an intent through; changes nothing. `lenient`: what stands on links that are not there is left out,
        and said among `left_out`. Raises: IntentInvalid, NotPermitted, FeatureMissing, Refused."""
        scope = loaded.intent.name
        return prepare(self.machine(scope), loaded, self.run_directory, self._former(scope), lenient=lenient)

    def apply(
        self,
        loaded: Loaded,
        agree: Agree,
        *,
        wait_s: float = WAIT_S,
        progress: Progress = ignore_progress,
        confirm_within_s: float | None = None,
        lenient: bool = False,
    ) -> Prepared:
        """Make the machine as the intent says, or leave it as it was. `confirm_within_s`: on trial, for so long.
        `lenient`: as for `prepare`.

        Raises: IntentInvalid, Refused, Locked, RolledBack, RollbackIncomplete, VerifyMismatch, and what `agree` does.
        """
        think = partial(self.prepare, lenient=lenient)
        return self.carry_out(loaded, think, agree, wait_s=wait_s, progress=progress, confirm_within_s=confirm_within_s)

    @uncollected
    def carry_out(
        self,
        loaded: Loaded,
        think: Callable[[Loaded], Prepared],
        agree: Agree,
        *,
        wait_s: float = WAIT_S,
        progress: Progress = ignore_progress,
        confirm_within_s: float | None = None,
    ) -> Prepared:
        """As `apply`, with the plan that `think` makes under the locks. Raises: as `apply`, and what `think` does."""
        intent = loaded.intent
        with self._locked(intent.name, intent, wait_s):
            prepared = _agreed(lambda: think(loaded), agree)
            prepared.demand_no_foreign()
            note = on_trial(Verb.APPLY, prepared.plan, confirm_within_s)
            self._intents.stage(Kept(scope=intent.name, files=loaded.text, applied_at=time.time()))
            self._transact(prepared, note, progress)
        self._verify(prepared)
        return prepared

    @uncollected
    def destroy(
        self,
        scope: str,
        agree: Agree,
        *,
        wait_s: float = WAIT_S,
        progress: Progress = ignore_progress,
        confirm_within_s: float | None = None,
    ) -> Prepared:
        """Take away all that bears the scope's marks and put former values back. Needs no file. `confirm_within_s`: as
        for `apply`.

        Raises: Refused, Locked, RolledBack, RollbackIncomplete, VerifyMismatch, and what `agree` does.
        """
        self._demand_any(scope)
        with self._locked(scope, None, wait_s) as was_left:
            left = self._ends.keys(scope)
            places = {key.netns for key in left} | self._former(scope).namespaces

            def think() -> Prepared:
                return prepare_nothing(self.machine(scope), places, frozenset(left))

            def known(prepared: Prepared) -> None:
                if not prepared.plan and self._intents.load(scope) is None and not was_left:
                    raise _nothing_named(scope)
                agree(prepared)

            prepared = _agreed(think, known)
            self._ends.give_up(scope)  # what could not be led on: it is taken away with the rest
            note = on_trial(Verb.DESTROY, prepared.plan, confirm_within_s)
            self._transact(prepared, note, progress)
        self._verify(prepared)
        return prepared

    def status(self, loaded: Loaded) -> Status:
        """What differs between the intent and the machine. Raises: as prepare."""
        scope = loaded.intent.name
        prepared = self.prepare(loaded, lenient=True)
        return status_of(prepared, self._ends.is_unfinished(scope), self._ends.unconfirmed_s(scope))

    def is_unfinished(self, scope: str) -> bool:
        """Whether an apply or destroy of that name was cut short and waits for recovery."""
        return self._ends.is_unfinished(scope)

    def unconfirmed_s(self, scope: str) -> float | None:
        """Seconds until what was applied under that name is taken back; None where nothing of it is on trial."""
        return self._ends.unconfirmed_s(scope)

    def is_guarded(self, scope: str) -> bool:
        """Whether anything of that name may have to be taken back."""
        return self._ends.is_guarded(scope)

    def confirm(self, scope: str | None = None, *, wait_s: float = WAIT_S) -> str:
        """Keep what is on trial under that name, or the only thing that is; says which.

        Raises: Refused where nothing is, or it was taken back; Locked, RollbackIncomplete.
        """
        name = scope or self._ends.only_trial()
        if name not in self._ends.left():
            raise self._ends.nothing_on_trial(name)  # a lock of nobody's would stay
        with self._hold(name, wait_s), self._hold_host(wait_s):
            self._ends.confirm(name)
        return name

    def show(self, loaded: Loaded) -> Topology:
        """What the intent asks for, as it is on the machine. Raises: as prepare."""
        return next(self.looks(loaded))

    def looks(self, loaded: Loaded) -> Iterator[Topology]:
        """The same again and again, at the pace of whoever asks; from the second on with rates. Raises: as prepare."""
        from weft.backends.counters import CounterReader  # only who shows pays for it
        from weft.service.topology import places_of, topology_of

        before: Glance | None = None
        reader = CounterReader(self.namespaces)
        try:
            while True:
                prepared = self.prepare(loaded, lenient=True)
                now = reader.read(places_of(prepared))
                yield topology_of(prepared, now, before)
                before = now
        finally:
            reader.close()

    def doctor(self, intents: Sequence[Loaded] = ()) -> list[Finding]:
        """What stands in the way here of what is applied, and of the given intents; the worst first.

        Raises: DumpInterrupted.
        """
        from weft.check.doctor import doctor  # no other command pays for it
        from weft.check.examine import examine, is_permitted
        from weft.check.finding import Finding
        from weft.check.symptoms import Symptoms

        if not is_permitted():
            return doctor(Symptoms(permitted=False))
        host = self.machine("").read(Selection(namespaces=(HOST,)))
        kept, refused = readable(self._all_names(), self.kept)
        wanted = {loaded.intent.name: loaded for loaded in (*kept, *intents)}
        run = self.run_directory
        found = doctor(examine(self._nft, host, run, run, list(wanted.values()), self.host_id))
        unread = [
            Finding(level="error", what=f"what was applied as {scope} cannot be read", why=why)
            for scope, why in refused.items()
        ]
        return [*unread, *found]

    def supervise(self) -> list[Program]:
        """See that every program that was applied here is kept running, and say which they are. Raises: NotPermitted,
        ProgramFailed where the supervisor does not start."""
        with suppress(ProgramFailed):  # each is told below
            self._processes.supervise()
        return programs(self._processes)

    def enter(self, netns: str) -> None:
        """Move the calling thread into a namespace, for good. Raises: Refused where there is none, NotPermitted."""
        enter(self.namespaces, netns)

    def recover(self, scope: str | None = None, *, wait_s: float = WAIT_S) -> list[Recovered]:
        """Finish or undo what did not end, of one scope or of all. Raises: Locked, RollbackIncomplete."""
        return list(self.recovering(scope, wait_s=wait_s))

    def recovering(self, scope: str | None = None, *, wait_s: float = WAIT_S) -> Iterator[Recovered]:
        """As `recover`, one by one. What stops one scope stops no other: it is raised at the end, of several the first.
        Raises: Locked, RollbackIncomplete."""
        failures = []
        for name in sorted(self._ends.left()):
            if scope not in (None, name):
                continue
            try:
                with self._hold(name, wait_s), self._hold_host(wait_s):
                    recovered = self._ends.recover(name)
            except WeftError as failure:
                failures.append(failure)
            else:
                yield from [recovered] if recovered else []
        if failures:
            raise failures[0]

    def kept(self, scope: str) -> Loaded:
        """The intent last applied under that name, be it on trial. Raises: Refused where there is none."""
        tried = self._intents.load_on_trial(scope) if self._ends.is_guarded(scope) else None
        return read_kept(tried) if tried else self.confirmed(scope)

    def confirmed(self, scope: str) -> Loaded:
        """As `kept`, but never what is on trial: to make that lasting is its operator's alone. Raises: Refused."""
        kept = self._intents.load(scope)
        if kept is None and self.is_unfinished(scope):
            raise Refused(f"the first apply of {scope} was cut short; `weft recover` leads it to its end")
        if kept is None:
            raise Refused(f"nothing named {scope} was applied here; `weft list` says what is")
        return read_kept(kept)

    def applied(self, scope: str) -> Kept | None:
        """The texts last applied under that name, and when; None where nothing was, or it is on trial. Raises:
        Refused for a damaged one."""
        return self._intents.load(scope)

    def all_kept(self) -> Sequence[Loaded]:
        """Every intent that was applied here, by name, be it on trial. Raises: Refused for a damaged one."""
        return [self.kept(scope) for scope in self._all_names()]

    def _all_names(self) -> Sequence[str]:
        tried = self._ends.on_trial().intersection(self._intents.tried())
        return sorted(tried.union(self.kept_names()))

    def kept_names(self) -> Sequence[str]:
        """The names under which something was applied here, to stay."""
        return self._intents.scopes()

    def list(self) -> list[Scope]:
        """Every scope that the kernel's marks, the kept intents or a journal speak of, by name."""
        marks = [mark for mark in self.machine("").marks().values() if mark and mark.host_id == self.host_id]
        return scopes(marks, self._intents, self._ends, self._ledger)

    @property
    def _ends(self) -> Transactions:
        """Made when needed: kept, it would be a circle that only the garbage collector opens."""
        return Transactions(self.run_directory, self._intents, self.machine, self._guard.arm, self._settle)

    @contextmanager
    def _locked(self, scope: str, wanted: Intent | None, wait_s: float) -> Iterator[bool]:
        """The scope's lock, the host's where it is needed, and behind them nothing left unfinished; yields whether
        anything was. The scope's comes first: what it has on the host, and so may give up there, is only sure behind
        it. `wanted` None: nothing, and what can be led to no end may stay as it is. Raises: Unconfirmed,
        RollbackIncomplete."""
        with self._hold(scope, wait_s):
            touching = touches_host(wanted) if wanted else touched_host(self._intents.load(scope))
            with self._hold_host(wait_s) if touching or self._is_on_host(scope) else nullcontext():
                yield self._led_on(scope, may_be_stuck=wanted is None)

    def _led_on(self, scope: str, *, may_be_stuck: bool) -> bool:
        try:
            was_left = self._ends.recover(scope) is not None
            self._ends.demand_no_trial(scope)
        except JournalDamaged:
            raise
        except RollbackIncomplete:
            if not may_be_stuck:
                raise
            return True
        return was_left

    def _hold(self, scope: str, wait_s: float) -> AbstractContextManager[None]:
        directory, known = self.run_directory / LOCKS, partial(self._is_known, scope)
        return hold_for(directory, f"scope {scope}", known, command=self._command, wait_s=wait_s)

    def _hold_host(self, wait_s: float) -> AbstractContextManager[None]:
        return hold(self.run_directory / LOCKS, [HOST_LOCK], command=self._command, wait_s=wait_s)

    def _is_known(self, scope: str) -> bool:
        """Whether anything on disk speaks of the scope."""
        return self._intents.holds(scope) or scope in self._ends.left() or scope in self._ledger.scopes(scope).values()

    def _demand_any(self, scope: str) -> None:
        """Where nothing of a name is here there is nothing to lock. Raises: Refused."""
        if not self._is_known(scope) and not prepare_nothing(self.machine(scope)).plan:
            raise _nothing_named(scope)

    def _is_on_host(self, scope: str) -> bool:
        """Whether the scope has settings, or something on foreign ground, in the host's namespace, or may have left
        some there half done."""
        noted = self._ledger.scopes(scope).items()
        return self.is_guarded(scope) or any(of == scope and key.netns == HOST for key, of in noted)

    def _former(self, scope: str) -> Former:
        return former_of(self._intents.load(scope), self.host_id, self._rtnl.namespaces)

    def _transact(self, prepared: Prepared, note: Note, progress: Progress) -> None:
        machine, todo = prepared.machine, prepared.plan
        try:
            self._ends.carry_out(machine, todo, prepared.desired, note, progress, prepared.adopted)
        except RolledBack as failure:
            raise prepared.placed(failure) from failure.__cause__

    def _settle(self, scope: str, changes: Changes, desired: State, is_whole: bool) -> None:
        settle(self.machine(scope), self.namespaces, changes, desired, is_whole=is_whole)

    def _verify(self, prepared: Prepared) -> None:
        if prepared.plan:
            verify(prepared.plan, prepared.machine.looker(prepared.plan.before, prepared.plan.after))


def _agreed(think: Callable[[], Prepared], agree: Agree) -> Prepared:
    """The plan that was agreed to. Raises: what both raise; PlanStale when the machine changed under the question."""
    prepared = think()
    asked = time.monotonic()
    agree(prepared)
    if time.monotonic() - asked > GLANCE_S and think().digest != prepared.digest:
        raise PlanStale("the machine changed while the question stood; nothing was done: look at the plan again")
    return prepared


def _nothing_named(scope: str) -> Refused:
    return Refused(f"nothing named {scope} is here; `weft list` says what is")
