"""What differs between what a kernel holds and what it shall hold: (observed, desired) -> Changes.

Rules: pure and linear in the number of objects. `observed` holds only what is weft's to change (see `ownership`). Every
observed object that is not desired is deleted; what the kernel would drop along with a replaced object is replaced
too, so that the changes alone lead from observed to desired.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any

from weft.diff.cascade import Cascade, Changes
from weft.kinds import KINDS
from weft.kinds.link.common import Link
from weft.records import maker
from weft.state import Change, KernelObject, Op, State

NEVER_COMPARED = frozenset(
    {
        "protocol",
        "nodad",
        "newborn",
        "adopt",
        "in_vrf",
        "behind",
        "others",
        "vnet_hdr",
        "key_sources",
        "numbers",
        "died",
    }
)
"""How an object came about or is made, not what it is; a tap's vnet_hdr is whatever its latest opener chose."""


_new_change = maker(Change)


@cache
def _compared(cls: type[Any]) -> tuple[tuple[str, ...], attrgetter[Any]]:
    """Names, and what reads all of these fields at once."""
    names = tuple(f.name for f in fields(cls) if f.name not in NEVER_COMPARED)
    return names, attrgetter(*names)


def differing_fields(have: KernelObject, want: KernelObject) -> list[str]:
    """Names of the fields in which two objects of one class differ; a wanted None matches anything."""
    names, read = _compared(type(want))
    held, wanted = read(have), read(want)
    if held == wanted:
        return []
    return [name for name, is_, shall in zip(names, held, wanted, strict=True) if shall is not None and shall != is_]


def diff(observed: State, desired: State) -> Changes:
    """The changes that lead from `observed` to `desired`, by key. Empty when nothing is to be done."""
    changes: Changes = {}
    for key, want in desired.items():
        have = observed.get(key)
        if have is None:
            changes[key] = _new_change(Op.CREATE, None, want)
        elif have is not want and (op := _op(have, want)) is not None:
            changes[key] = _new_change(op, have, want)
    for key, have in observed.items():
        if key not in desired:
            changes[key] = _new_change(Op.DELETE, have, None)
    Cascade(changes, observed, desired).complete()
    return changes


def _op(have: KernelObject, want: KernelObject) -> Op | None:
    if type(have) is not type(want) or (isinstance(have, Link) and have.newborn):
        return Op.REPLACE  # a link that a failure left half made is not up: nothing could be put on it
    if not differing_fields(have, want):
        return None
    return Op.REPLACE if fixed_fields(have, want) else Op.UPDATE


def fixed_fields(have: KernelObject, want: KernelObject) -> list[str]:
    """Of the differing fields of two objects of one class, those for which the kernel must make it anew."""
    row = KINDS.of(want)
    differing = differing_fields(have, want)
    if differing and row.in_place.issuperset(differing):
        return differing if row.replaces(have, want) else []
    return [name for name in differing if name not in row.in_place]
