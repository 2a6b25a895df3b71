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
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, cast

__all__ = ["compile_constructors", "dataclass", "maker"]

_Record = TypeVar("_Record")
_Made = TypeVar("_Made")
_P = ParamSpec("_P")

_FEW = 32
"""So many objects cost no more filled one by one than a constructor takes to compile, whatever their fields."""

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
    fill: Callable[..., bool] | None = None

    def __init__(self: Any, *args: Any, **values: Any) -> None:  # noqa: N807
        nonlocal made, fill
        made += 1
        fill = fill or _filler(cls)
        if made > _FEW or not fill(self, args, values):
            _compile(cls)
            cls.__init__(self, *args, **values)

    return __init__


def _filler(cls: type[Any]) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], bool]:
    """A function that gives an object its fields, and says whether the arguments are right: if not, the constructor
    says what is wrong."""
    every = [(field, getattr(cls, field.name).__set__) for field in fields(cls)]
    positional = [field.name for field, _ in every if field.init and not field.kw_only]
    asked = [(field.name, put, field.default, field.default_factory) for field, put in every if field.init]
    unasked = [(put, field.default, field.default_factory) for field, put in every if not field.init]
    then = getattr(cls, "__post_init__", None)

    def fill(made: Any, args: tuple[Any, ...], values: dict[str, Any]) -> bool:
        given = {**dict(zip(positional, args, strict=False)), **values} if args else values
        known = 0
        for name, put, default, factory in asked:
            if name in given:
                put(made, given[name])
                known += 1
            elif default is not MISSING:
                put(made, default)
            elif factory is not MISSING:
                put(made, factory())
            else:
                return False
        if known < len(args) + len(values):  # one too many, unknown, or given twice
            return False
        for put, default, factory in unasked:
            if factory is not MISSING or default is not MISSING:
                put(made, default if factory is MISSING else factory())
        if then is not None:
            then(made)
        return True

    return fill


def _init(cls: type[Any]) -> Callable[..., None]:
    """The constructor, which writes each slot by its descriptor: the quickest way, and open where fields are frozen."""
    every = fields(cls)
    lines = [f"_set_{field.name}(self, {_value(field)})" for field in every]
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    known = {f"_set_{field.name}": getattr(cls, field.name).__set__ for field in every}
    return _function("__init__", "self", lines or ["pass"], every, known)


def _function(
    name: str, first: str, lines: list[str], every: tuple[Field[Any], ...], known: dict[str, Any]
) -> FunctionType:
    """A function of the fields, after a parameter of its own."""
    positional = [_parameter(field) for field in every if field.init and not field.kw_only]
    by_name = [_parameter(field) for field in every if field.init and field.kw_only]
    parameters = ", ".join([*([first] if first else []), *positional, *(["*", *by_name] if by_name else [])])
    known["_ABSENT"] = MISSING
    for field in every:
        known[f"_default_{field.name}"] = field.default
        known[f"_make_{field.name}"] = field.default_factory
    exec(f"def {name}({parameters}):\n  " + "\n  ".join(lines), known)
    made: FunctionType = known[name]
    return made


def maker(cls: Callable[_P, _Made]) -> Callable[_P, _Made]:
    """A function that makes such records as calling the class does, in a third of the time once there are many: for
    the few places that make them by the thousand.

    It then fills an object of a class alike but not frozen, and says of which class it is: both have one layout, so
    Python lets it. Source: Python's data model, object.__class__, function.__code__.
    """
    known: dict[str, Any] = {}
    count = 0

    def first(*args: _P.args, **values: _P.kwargs) -> _Made:
        nonlocal count
        count += 1
        if count < _FEW // 2:  # before the class itself has its constructor compiled
            return cls(*args, **values)
        quick = _by_a_twin(cls, known)
        make.__defaults__, make.__kwdefaults__ = quick.__defaults__, quick.__kwdefaults__
        make.__code__ = quick.__code__  # last: another thread may call meanwhile
        return cast(_Made, quick(*args, **values))

    known["_first"] = first
    make = FunctionType(_forwarding.__code__, known)
    return cast(Callable[_P, _Made], make)


def _forwarding(*args: Any, **values: Any) -> Any:
    return _first(*args, **values)  # type: ignore[name-defined]  # noqa: F821


def _by_a_twin(cls: Any, known: dict[str, Any]) -> FunctionType:
    open_to_all = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    twin = type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__, **open_to_all})
    every = fields(cls)
    lines = [
        "made = _new(_twin)",
        *(f"made.{field.name} = {_value(field)}" for field in every),
        "made.__class__ = _cls",
    ]
    if hasattr(cls, "__post_init__"):
        lines.append("made.__post_init__()")
    known.update(_new=object.__new__, _twin=twin, _cls=cls)
    return _function("make", "", [*lines, "return made"], every, known)


def _parameter(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"{field.name}=_default_{field.name}"
    return field.name if field.default_factory is MISSING else f"{field.name}=_ABSENT"


def _value(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        made = f"_make_{field.name}()"
        return f"{made} if {field.name} is _ABSENT else {field.name}" if field.init else made
    return field.name if field.init else f"_default_{field.name}"
