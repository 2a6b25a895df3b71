"""What is here: the names under which something was applied, and the programs that run for them."""

from __future__ import annotations

from collections.abc import Sequence

from weft.backends.process import Processes
from weft.records import dataclass
from weft.service.status import adopted
from weft.service.transactions import Transactions
from weft.state import Mark
from weft.store.intents import Intents
from weft.store.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One name on this machine. `namespaces`: how many of its own are there now. `applied_at`: seconds since the
    epoch, None where no intent of that name is kept. `unconfirmed_s`: seconds until it is taken back, None where it is
    not on trial. `adopted`: links and namespaces that were there before."""

    name: str
    namespaces: int
    applied_at: float | None
    unfinished: bool
    unconfirmed_s: float | None = None
    adopted: tuple[str, ...] = ()


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
    return [
        Scope(
            name=name,
            namespaces=sum(mark.scope == name for mark in marks),
            applied_at=kept.applied_at if (kept := intents.load(name)) else None,
            unfinished=name in unfinished,
            adopted=tuple(map(str, adopted(ledger, name))),
            unconfirmed_s=ends.unconfirmed_s(name),
        )
        for name in sorted(names | set(ledger.scopes().values()))
    ]


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
