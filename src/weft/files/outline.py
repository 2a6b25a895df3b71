"""The shape of the intent's dataclasses, read from their types once: what may stand where in a file.

Rules: the dataclasses of model/intent.py are the only source; nothing here names a field.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from weft.model.words import Form


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number or truth; `schema` is its JSON Schema."""

    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys: one dataclass."""

    cls: type[Any]
    fields: Mapping[str, Outline]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping whose keys the user chooses, in the form `key`."""

    key: Form
    of: Outline


@dataclass(frozen=True, slots=True)
class Listing:
    """A list; of `count` items where that is fixed."""

    of: Outline
    count: int | None = None


Outline = Leaf | Record | Table | Listing


@cache
def outline(declared: Hashable) -> Outline:
    """The outline of a type: a dataclass of the model, or what one of its fields is declared as."""
    if is_dataclass(declared) and isinstance(declared, type):
        hints = get_type_hints(declared, include_extras=True)
        return Record(declared, {name: outline(hint) for name, hint in hints.items()})
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return outline(next(a for a in arguments if a is not type(None)))
    if origin is Mapping:
        return Table(get_args(arguments[0])[1], outline(arguments[1]))
    if origin is tuple:
        return Listing(outline(arguments[0]), None if Ellipsis in arguments else len(arguments))
    return Leaf(_leaf_schema(declared))


def _leaf_schema(declared: Any) -> Mapping[str, Any]:
    if get_origin(declared) is Annotated:
        form: Form = get_args(declared)[1]
        return form.schema
    if declared is bool:
        return {"type": "boolean"}
    assert issubclass(declared, Enum), f"{declared} has no form"
    return {"enum": [word.value for word in declared]}
