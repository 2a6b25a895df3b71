"""What is here: the names under which something was applied, and the programs that run for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from weft.backends.process import Processes
from weft.errors import Refused
from weft.files import Loaded
from weft.records import dataclass
from weft.service.status import adopted
from weft.service.transactions import Transactions
from weft.state import Mark
from weft.store.intents import Intents
from weft.store.journal import JournalDamaged
from weft.store.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One name on this machine. `namespaces`: how many of its own are there now. `applied_at`: seconds since the
    epoch, None where no intent of that name is kept. `unconfirmed_s`: seconds until it is taken back, None where it is
    not on trial. `adopted`: links and namespaces that were there before. `damaged`: which of its files cannot be read,
    and what to do; then the rest is as if nothing were kept."""

    name: str
    namespaces: int = 0
    applied_at: float | None = None
    unfinished: bool = False
    unconfirmed_s: float | None = None
    adopted: tuple[str, ...] = ()
    damaged: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that is kept running. `pid` None: it does not run, and `died` is what is known of its end."""

    name: str
    netns: str
    scope: str
    pid: int | None
    died: str = ""


def scopes(marks: Sequence[Mark], intents: Intents, ends: Transactions, ledger: Ledger) -> list[Scope]:
    """Every scope that this host's marks, the kept intents or a journal speak of, by name."""
    unfinished, tried = ends.unfinished(), ends.on_trial()
    names = {mark.scope for mark in marks} | set(intents.scopes()) | unfinished | tried
    every = sorted(names | set(ledger.scopes().values()))
    return [
        replace(
            _kept(name, intents, ends),
            namespaces=sum(mark.scope == name for mark in marks),
            unfinished=name in unfinished,
            adopted=tuple(map(str, adopted(ledger, name))),
        )
        for name in every
    ]


def _kept(name: str, intents: Intents, ends: Transactions) -> Scope:
    try:
        kept, left_s = intents.load(name), ends.unconfirmed_s(name)
    except (Refused, JournalDamaged) as error:
        return Scope(name=name, damaged=str(error))
    return Scope(name=name, applied_at=kept.applied_at if kept else None, unconfirmed_s=left_s)


def readable(scopes: Iterable[str], kept: Callable[[str], Loaded]) -> tuple[list[Loaded], Mapping[str, str]]:
    """What is kept under these names, and of what cannot be read, why."""
    found, refused = [], {}
    for scope in scopes:
        try:
            found.append(kept(scope))
        except (Refused, JournalDamaged) as error:
            refused[scope] = str(error)
    return found, refused


def programs(processes: Processes) -> list[Program]:
    """All that are to run here, of every scope."""
    return [
        Program(
            name=process.name,
            netns=process.netns,
            scope=mark.scope if (mark := Mark.parse(process.mark)) else "",
            pid=pid if process.running else None,
            died=process.died,
        )
        for process, pid in processes.kept()
    ]
