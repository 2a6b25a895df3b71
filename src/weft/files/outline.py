"""The shape of the intent's dataclasses, read from their types once: what may stand where in a file.

Rules: the dataclasses of model/intent.py are the only source; nothing here names a field.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from weft.model.words import Chosen, Form
from weft.records import dataclass


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number or truth: `form` is a Form, bool or an Enum."""

    form: Any

    @property
    def schema(self) -> Mapping[str, Any]:
        """Its JSON Schema."""
        if isinstance(self.form, Form):
            return self.form.schema
        return {"type": "boolean"} if self.form is bool else {"enum": [word.value for word in self.form]}


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys: one dataclass. What its fields are is read when somebody asks: most files speak of few
    records."""

    cls: type[Any]

    @property
    def fields(self) -> Mapping[str, Outline]:
        cls: Any = self.cls  # a class has a hash, which not every checker believes
        return _fields(cls)


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


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several records, by the word under the key `by`; `plain` without it."""

    by: str
    plain: Record
    of: Mapping[str, Record]

    def chosen(self, word: str) -> Record:
        return self.of.get(word, self.plain)


Outline = Leaf | Record | Table | Listing | Choice


@cache
def outline(declared: Hashable) -> Outline:
    """The outline of a type: a dataclass of the model, or what one of its fields is declared as."""
    if is_dataclass(declared) and isinstance(declared, type):
        return Record(declared)
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return outline(next(a for a in arguments if a is not type(None)))
    if origin is Mapping:
        return Table(get_args(arguments[0])[1], outline(arguments[1]))
    if origin is tuple:
        return Listing(outline(arguments[0]), None if Ellipsis in arguments else len(arguments))
    if origin is Annotated:
        return _choice(*arguments) if isinstance(arguments[1], Chosen) else Leaf(arguments[1])
    assert isinstance(declared, type) and (declared is bool or issubclass(declared, Enum)), f"{declared} has no form"
    return Leaf(declared)


@cache
def _fields(cls: type[Any]) -> Mapping[str, Outline]:
    hints = get_type_hints(cls, include_extras=True)
    return {key_of(field): outline(hints[field.name]) for field in fields(cls)}


def key_of(field: Field[Any]) -> str:
    """What the user writes for a field: without the underscore that tells it from a word of Python's."""
    return field.name.removesuffix("_")


def _choice(plain: type[Any], chosen: Chosen) -> Choice:
    return Choice(chosen.by, _record(plain), {word: _record(cls) for word, cls in chosen.of.items()})


def _record(cls: Any) -> Record:
    found = outline(cls)
    assert isinstance(found, Record), f"{cls} is no record"
    return found
