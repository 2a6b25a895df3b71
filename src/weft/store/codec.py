"""State as JSON and back, for the journal and saved plans.

Rules: objects stand by the name of their kind, their fields by name once per kind, so that a State written by an older
weft is read or refused with a reason, never misread. Only data goes in and out: no class is looked up by name but
those of the table of kinds. A record within an object stands as a mapping of its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from operator import attrgetter
from typing import Any, get_args, get_type_hints

from weft.kinds import KINDS
from weft.state import KernelObject, Key, State

Plain = dict[str, Any]
"""What `json` takes: {kind: {"same": {field: value}, "fields": [...], "rows": [[...], ...]}}, a row for each object.
`same`: what all objects of the kind have, so that a thousand of them that differ in a number say the rest once."""


class CodecError(ValueError):
    """The text is not a State, or not one of this version's kinds."""


def encode(state: Mapping[Key, KernelObject]) -> Plain:
    """Plain data of the objects. Raises: CodecError for an object that has no kind."""
    by_class: dict[type[Any], list[KernelObject]] = {}
    for held in state.values():
        by_class.setdefault(type(held), []).append(held)
    return {_name(cls): _encode_all(cls, objects) for cls, objects in by_class.items()}


def decode(plain: Plain) -> State:
    """The State that `encode` was given. Raises: CodecError."""
    state = State()
    for name, block in plain.items():
        try:
            state.update(State.of(_decode_all(name, block["same"], block["fields"], block["rows"])))
        except (KeyError, TypeError) as error:
            raise CodecError(f"cannot read objects of the kind {name!r}: {error!r}") from error
    return state


def dumps(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":"), default=_record).encode()


def loads(data: bytes) -> Any:
    """Raises: CodecError."""
    try:
        return json.loads(data)
    except ValueError as error:
        raise CodecError(f"not JSON: {error}") from error


def _name(cls: type[Any]) -> str:
    for row in KINDS:
        if row.cls is cls:
            return row.name
    raise CodecError(f"{cls.__name__} is no kind that weft makes")


def _encode_all(cls: type[Any], objects: list[KernelObject]) -> Plain:
    names = [field.name for field in fields(cls)]
    columns = dict(zip(names, zip(*map(attrgetter(*names), objects), strict=True), strict=True))
    same = {name: values[0] for name, values in columns.items() if len(values) > 1 and _are_same(values)}
    differing = [name for name in names if name not in same]
    rows = list(zip(*(columns[name] for name in differing), strict=True)) or [()] * len(objects)
    return {"same": same, "fields": differing, "rows": rows}


def _are_same(values: tuple[Any, ...]) -> bool:
    return values.count(values[0]) == len(values)


def _decode_all(kind: str, same: Plain, names: list[str], rows: list[list[Any]]) -> Iterable[KernelObject]:
    cls, remakers = KINDS.named(kind).cls, _remakers(kind)
    shared = _remade(same, remakers)
    for row in rows:
        yield cls(**shared, **_remade(dict(zip(names, row, strict=True)), remakers))


def _remade(values: Plain, remakers: Mapping[str, Callable[[Any], Any]]) -> Plain:
    """Fields by name, with what JSON flattens as it was."""
    return {
        name: remakers[name](value) if name in remakers and value is not None else value
        for name, value in values.items()
    }


def _record(value: Any) -> Plain:
    """What `json` cannot write by itself. Raises: TypeError for anything but a record."""
    if not is_dataclass(value):
        raise TypeError(f"{value!r} has no form in JSON")
    return {field.name: getattr(value, field.name) for field in fields(value)}


@cache
def _remakers(kind: str) -> dict[str, Callable[[Any], Any]]:
    """For the fields that JSON flattens into lists: what makes them what they were."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, hint in get_type_hints(KINDS.named(kind).cls).items():
        if hint is Key or Key in get_args(hint):
            found[name] = lambda value: Key(*value)
        elif (record := next(filter(is_dataclass, get_args(hint)), None)) and isinstance(record, type):
            found[name] = partial(_records, record)
        elif "tuple" in str(hint):
            found[name] = _tuple
    return found


def _records(cls: type[Any], values: list[Plain]) -> tuple[Any, ...]:
    return tuple(cls(**value) for value in values)


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(item) if isinstance(item, list) else item for item in value)
