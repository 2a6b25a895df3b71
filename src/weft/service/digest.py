"""A digest of all that decided a plan, so that one that was saved can be told from one for another machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from typing import Any

from weft.facts import Facts
from weft.kinds.link.macsec import Macsec
from weft.plan import Plan
from weft.state import KernelObject, State
from weft.store import codec


def digest_of(facts: Facts | None, todo: Plan) -> str:
    """The same wherever facts, former objects and wanted ones are the same. SHA-256, in hexadecimal digits."""
    before = State((key, _without_counts(obj)) for key, obj in todo.before.items())
    former, goal = (codec.encode(dict(sorted(state.items()))) for state in (before, todo.after))
    return sha256(codec.dumps({"facts": _ordered(facts), "former": former, "goal": goal})).hexdigest()


def _without_counts(obj: KernelObject) -> KernelObject:
    """Without how far each key has counted: that goes on while nothing else changes."""
    return replace(obj, key_sources=()) if isinstance(obj, Macsec) else obj


def _ordered(value: Any) -> Any:
    """Plain data in the one order that every process gives it: sets have none of their own."""
    if is_dataclass(value):
        return [_ordered(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return sorted([str(key), _ordered(inner)] for key, inner in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return list(map(_ordered, value)) if isinstance(value, (tuple, list)) else value
