"""What differs between what a kernel holds and what it shall hold: (observed, desired) -> Changes.

Rules: pure and linear in the number of objects. `observed` holds only what is weft's to change (see `ownership`). Every
observed object that is not desired is deleted; what the kernel would drop along with a replaced object is replaced
too, so that the changes alone lead from observed to desired.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias

from weft.kinds import KINDS
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.state import Change, KernelObject, Key, Op, State

Changes: TypeAlias = dict[Key, Change]

NEVER_COMPARED = frozenset({"protocol", "nodad", "newborn"})
"""How an object came about or is made, not what it is."""


@cache
def _compared(cls: type[Any]) -> tuple[tuple[str, attrgetter[Any]], ...]:
    return tuple((f.name, attrgetter(f.name)) for f in fields(cls) if f.name not in NEVER_COMPARED)


def differing_fields(have: KernelObject, want: KernelObject) -> list[str]:
    """Names of the fields in which two objects of one class differ; a wanted None matches anything."""
    return [name for name, get in _compared(type(want)) if (value := get(want)) is not None and value != get(have)]


def diff(observed: State, desired: State) -> Changes:
    """The changes that lead from `observed` to `desired`, by key. Empty when nothing is to be done."""
    changes: Changes = {}
    for key, want in desired.items():
        have = observed.get(key)
        if have is None:
            changes[key] = Change(Op.CREATE, None, want)
        elif have is not want and (op := _op(have, want)) is not None:
            changes[key] = Change(op, have, want)
    for key, have in observed.items():
        if key not in desired:
            changes[key] = Change(Op.DELETE, have, None)
    _add_what_falls_along(changes, observed, desired)
    return changes


def _op(have: KernelObject, want: KernelObject) -> Op | None:
    if type(have) is not type(want):
        return Op.REPLACE
    differing = differing_fields(have, want)
    if not differing:
        return None
    return Op.UPDATE if KINDS.of(want).in_place.issuperset(differing) else Op.REPLACE


def _add_what_falls_along(changes: Changes, observed: State, desired: State) -> None:
    """Replace what the kernel drops along with a deleted or replaced object but is still wanted."""
    gone = [key for key, change in changes.items() if change.op in (Op.REPLACE, Op.DELETE)]
    shaken = [change for change in changes.values() if change.op is Op.UPDATE and isinstance(change.before, Link)]
    if not gone and not shaken:
        return
    dependents = dependents_of(observed)
    for change in shaken:
        gone += _shaken_off(change, dependents, changes, observed, desired)
    seen = set(gone)
    while gone:
        key = gone.pop()
        for fallen in dependents.get(key, ()):
            if fallen not in seen:
                seen.add(fallen)
                gone.append(fallen)
                if fallen in desired:
                    changes[fallen] = Change(Op.REPLACE, observed[fallen], desired[fallen])
    _restore_masters(seen, changes, observed, desired)


def _shaken_off(
    change: Change, dependents: Mapping[Key, list[Key]], changes: Changes, observed: State, desired: State
) -> Iterator[Key]:
    """What a change in place makes the kernel drop, now to be replaced where it is still wanted."""
    cascade = KINDS.of(change.object).cascade
    for key in dependents.get(change.key, ()):
        if key in desired and cascade(change.before, change.after, observed[key]):
            changes[key] = Change(Op.REPLACE, observed[key], desired[key])
            yield key


def _restore_masters(gone: set[Key], changes: Changes, observed: State, desired: State) -> None:
    """A link whose master goes is left without one: what is wanted must be said anew."""
    doomed = {(key.netns, key.name) for key in gone if key.table == "link"}
    for key, have in observed.items():
        if not isinstance(have, Link) or not have.master or (have.netns, have.master) not in doomed:
            continue
        want = desired.get(key)
        if want is None or key in gone:
            continue
        assert isinstance(want, Link)
        if want.master:
            changes[key] = Change(Op.UPDATE, have, want)


def dependents_of(state: State) -> Mapping[Key, list[Key]]:
    """For each key the keys of those that the kernel drops along with it; the ends of a veth fall together."""
    dependents: dict[Key, list[Key]] = defaultdict(list)
    for key, obj in state.items():
        for on in obj.lives_on:
            dependents[on].append(key)
        if isinstance(obj, Veth):
            dependents[obj.peer].append(key)
    return dependents
