"""What the ledger must know of a transaction: whose is what bears no proof of its own.

Rules: claimed before the first change, released after the last; a claim on what is not there proves nothing. A setting
that is as wanted because another scope made it so is held by both, so that it outlives the first to go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from weft.backends.former import Entry
from weft.kinds.link.common import KEPT_BY_MASTERS, Link
from weft.kinds.netns import Namespace
from weft.kinds.tc.qdisc import QDISC, Qdisc
from weft.observe import Machine
from weft.ownership import claim_of, needs_claim
from weft.plan import Plan
from weft.state import KernelObject, Key, Mark, State

_CLAIMED = frozenset({"address", "route", "rule", "neighbour", QDISC, *KEPT_BY_MASTERS})
"""Tables of what may have to be claimed, beside settings."""


def claim(machine: Machine, todo: Plan, desired: State, adopted: Collection[Key]) -> None:
    """`adopted`: as ownership's Split has it.

    Raises: ForeignObject where another scope holds a setting at another value, DiskFull, NotPermitted.
    """
    new = (key for key, change in todo.changes.items() if key.table in _CLAIMED and change.after is not None)
    wanted = [
        *_on_foreign_ground(machine, (*new, *adopted), desired),
        *_shared_settings(machine, desired),
        *_taken_over(machine, todo),
    ]
    if wanted:
        machine.ledger.note(wanted)


def release(machine: Machine, keys: Collection[Key], reached: State) -> None:
    """Let go of what is no longer there, of values that were not reached, and of all that was in namespaces that are
    gone. `reached`: what of the keys there is now."""
    noted = {key for key in machine.noted() if key in keys}
    suspects = frozenset(key for key in noted if key.table in _CLAIMED)
    if suspects:
        there = machine.looker(State(), State())(suspects, State())
        machine.ledger.drop(suspects - there.keys(), machine.scope)
    _settle(machine, noted - suspects, reached)
    machine.settings.prune()


def _settle(machine: Machine, settings: Iterable[Key], reached: State) -> None:
    """What a way that was cut short or led back has noted of values to come."""
    over: list[Key] = []
    stale: list[Entry] = []
    for key in settings:
        entry = machine.ledger.entries()[key]
        value = _value_of(reached.get(key))
        if value in (None, entry.former):
            over.append(key)
        elif entry.ours != (value,):
            stale.append(replace(entry, scopes=(machine.scope,), ours=(value,)))
    machine.ledger.drop(over, machine.scope)
    if stale:
        machine.ledger.note(stale)
        machine.ledger.settle([entry.key for entry in stale])


def _value_of(obj: KernelObject | None) -> str | None:
    return obj.alias if isinstance(obj, Link | Namespace) else getattr(obj, "value", None)


def _taken_over(machine: Machine, todo: Plan) -> Iterator[Entry]:
    """The former alias of each link and namespace that is adopted."""
    for change in todo.changes.values():
        before, after = change.before, change.after
        if before is None or not isinstance(before, Link | Namespace) or not before.adopt or Mark.parse(before.alias):
            continue
        if isinstance(after, Link | Namespace) and after.alias:
            yield _entry(machine, change.key, former=before.alias or "", ours=after.alias)


def _on_foreign_ground(machine: Machine, keys: Iterable[Key], desired: State) -> Iterator[Entry]:
    """What stood on our own link before may stand on foreign ground after: not only what is made is claimed."""
    for key in keys:
        wanted = desired.get(key)
        if wanted is not None and needs_claim(wanted, desired, machine.host_id) and not _is_given_back(wanted, desired):
            yield _entry(machine, key, former=None, ours=claim_of(wanted) if isinstance(wanted, Qdisc) else "")


def _is_given_back(obj: KernelObject, desired: State) -> bool:
    """Whether it is what a bridge keeps of a port, and goes to its owner with that: an adoption is taken back."""
    links = (desired.get(on) for on in obj.lives_on if obj.key.table in KEPT_BY_MASTERS)
    return any(isinstance(link, Link) and link.adopt and not Mark.parse(link.alias) for link in links)


def _shared_settings(machine: Machine, desired: State) -> Iterator[Entry]:
    for key, held in machine.ledger.entries().items():
        want = desired.get(key)
        if want is not None and machine.scope not in held.scopes and key.table not in _CLAIMED:
            yield _entry(machine, key, former=held.former, ours=getattr(want, "value", ""))


def _entry(machine: Machine, key: Key, *, former: str | None, ours: str) -> Entry:
    cookie = machine.settings.cookie_of(key.netns) or 0
    return Entry(key=key, scopes=(machine.scope,), former=former, ours=(ours,), cookie=cookie)
