"""Dataclasses that cost little before they are used.

Rules: a record is a standard dataclass to whoever asks (fields, replace, match), and type checkers take this decorator
for the standard one. That one compiles six functions for every class, half a millisecond each time, and weft has two
hundred classes of which a command makes objects of half, of most of them less than ten. Here comparison, hash and text
are closures, and the constructor is compiled when so many objects are made that it pays: the first few are filled field
by field. Source: dataclasses, whose private parts are left alone.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

__all__ = ["compile_constructors", "dataclass"]

_Record = TypeVar("_Record")

_FEW = 8
"""So many objects cost less filled one by one than a constructor takes to compile, whatever their fields."""

_waiting: set[type[Any]] = set()
"""The records whose constructor is not compiled yet."""


def _record(
    *, frozen: bool = False, slots: bool = True, kw_only: bool = False, eq: bool = True, order: bool = False
) -> Callable[[type[_Record]], type[_Record]]:
    """As `dataclasses.dataclass`; always with slots, which the constructor writes to."""
    assert slots, "a record has slots"

    def decorate(cls: type[_Record]) -> type[_Record]:
        cls.__doc__ = cls.__doc__ or cls.__name__  # else composed from the signature, at some cost
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
        for name, method in _methods(made, frozen=frozen, eq=eq, order=order):
            if made.__dict__.get(name) is None:  # what the class says itself stands; of __hash__, None says nothing
                setattr(made, name, method)
                if name == "__init__":
                    _waiting.add(made)
        return made

    return decorate


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _record


def compile_constructors() -> None:
    """Of all records that there are, at once: for a process that forks into others, each of which would do it again."""
    while _waiting:
        _compile(next(iter(_waiting)))


def _compile(cls: type[Any]) -> None:
    cls.__init__ = _init(cls)
    _waiting.discard(cls)


def _methods(cls: type[Any], *, frozen: bool, eq: bool, order: bool) -> Iterator[tuple[str, Any]]:
    yield "__init__", _init_when_needed(cls)
    yield "__repr__", _repr
    if frozen:
        yield "__setattr__", _refuse
        yield "__delattr__", _refuse
    values = _reader([field.name for field in fields(cls) if field.compare])
    if eq:
        yield "__eq__", _compared(values, operator.eq)
        yield "__hash__", (lambda self: hash(values(self))) if frozen else None
    if order:
        yield from ((f"__{by.__name__}__", _compared(values, by)) for by in _ORDERS)


_ORDERS = (operator.lt, operator.le, operator.gt, operator.ge)


def _reader(names: list[str]) -> Callable[[Any], Any]:
    return operator.attrgetter(*names) if names else lambda self: ()


def _compared(values: Callable[[Any], Any], by: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(self: Any, other: Any) -> bool:
        return by(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    return compare


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _refuse(self: Any, name: str, value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to or delete field {name!r}")


def _init_when_needed(cls: type[Any]) -> Callable[..., None]:
    made = 0

    def __init__(self: Any, *args: Any, **values: Any) -> None:  # noqa: N807
        nonlocal made
        made += 1
        if made > _FEW or not _is_filled(self, cls, args, values):
            _compile(cls)
            cls.__init__(self, *args, **values)

    return __init__


def _is_filled(made: Any, cls: type[Any], args: tuple[Any, ...], values: dict[str, Any]) -> bool:
    """Give an object its fields; whether the arguments are right: if not, the constructor says what is wrong."""
    every = fields(cls)
    given = dict(zip((field.name for field in every if field.init and not field.kw_only), args, strict=False))
    if len(given) < len(args) or not given.keys().isdisjoint(values):
        return False
    given |= values
    for field in every:
        if field.init and field.name in given:
            value = given.pop(field.name)
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            value = field.default
        if value is MISSING:
            return False
        getattr(cls, field.name).__set__(made, value)
    if given:
        return False
    if hasattr(made, "__post_init__"):
        made.__post_init__()
    return True


def _init(cls: type[Any]) -> Callable[..., None]:
    """The constructor, which writes each slot by its descriptor: the quickest way, and open where fields are frozen."""
    every = fields(cls)
    positional = [_parameter(field) for field in every if field.init and not field.kw_only]
    by_name = [_parameter(field) for field in every if field.init and field.kw_only]
    parameters = ", ".join(["self", *positional, *(["*", *by_name] if by_name else [])])
    lines = [f"_set_{field.name}(self, {_value(field)})" for field in every]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    known: dict[str, Any] = {"_ABSENT": MISSING}
    for field in every:
        known[f"_set_{field.name}"] = getattr(cls, field.name).__set__
        known[f"_default_{field.name}"] = field.default
        known[f"_make_{field.name}"] = field.default_factory
    exec(f"def __init__({parameters}):\n  " + "\n  ".join(lines or ["pass"]), known)
    made: Callable[..., None] = known["__init__"]
    return made


def _parameter(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"{field.name}=_default_{field.name}"
    return field.name if field.default_factory is MISSING else f"{field.name}=_ABSENT"


def _value(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        made = f"_make_{field.name}()"
        return f"{made} if {field.name} is _ABSENT else {field.name}" if field.init else made
    return field.name if field.init else f"_default_{field.name}"
