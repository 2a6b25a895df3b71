"""Plain data to the intent's dataclasses, by pydantic, and its complaints in our words at the user's places.

Rules: pydantic is imported when the first file is read, and its validator built once. It gets texts alone and its lax
mode makes of them what the field's type says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from weft.errors import Problem
from weft.files.nodes import Origins
from weft.model import intent
from weft.model.words import Malformed, closest

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

Words = tuple[str, str]


@cache
def adapter() -> TypeAdapter[intent.Intent]:
    from pydantic import TypeAdapter

    return TypeAdapter(intent.Intent)


def build(data: Any, origins: Origins) -> tuple[intent.Intent | None, list[Problem]]:
    """The intent, or what is wrong with the types of its parts."""
    from pydantic import ValidationError

    try:
        return adapter().validate_python(data), []
    except ValidationError as refused:
        found = refused.errors(include_url=False)
    return None, [_problem(error, origins) for error in found if error["loc"][-1:] != ("[key]",)]


def _problem(error: ErrorDetails, origins: Origins) -> Problem:
    loc = error["loc"]
    what, fix = _WORDS.get(error["type"], _as_pydantic_says)(error)
    named = [str(step) for step in loc if isinstance(step, str)]
    at = f"{named[-1]}: " if named and error["type"] != "missing" else ""
    return Problem(where=origins.value_at(loc), what=at + what, fix=fix)


def _as_pydantic_says(error: ErrorDetails) -> Words:
    return error["msg"], ""


def _malformed(error: ErrorDetails) -> Words:
    wrong = error["ctx"]["error"]
    return (wrong.what, wrong.fix) if isinstance(wrong, Malformed) else (str(wrong), "")


def _missing(error: ErrorDetails) -> Words:
    step = error["loc"][-1]
    if isinstance(step, int):
        return f"{error['loc'][-2]}: three numbers are needed", "minimum, default, maximum, in bytes"
    return f"{step} is missing", _EXAMPLES.get(str(step), "")


def _truth(error: ErrorDetails) -> Words:
    return f"{_shown(error['input'])} is neither true nor false", "write true or false"


def _choice(error: ErrorDetails) -> Words:
    words = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
    written = error["input"]
    meant = closest(written, words) if isinstance(written, str) else ""
    return f"{_shown(written)} is not one of {', '.join(words)}", f"did you mean {meant}?" if meant else ""


def _record(error: ErrorDetails) -> Words:
    return f"{_shown(error['input'])} stands where a mapping belongs", _keys_of(error["ctx"]["class_name"])


def _keys_of(class_name: str) -> str:
    cls = getattr(intent, class_name, None)
    keys = [f.name for f in fields(cls)] if is_dataclass(cls) else []
    return f"its keys: {', '.join(keys)}" if keys else ""


def _table(error: ErrorDetails) -> Words:
    return f"{_shown(error['input'])} stands where a mapping belongs", "write NAME: {...} for each"


def _list(error: ErrorDetails) -> Words:
    written = error["input"]
    fix = f"write [{written}]" if isinstance(written, str) else "write [ONE, TWO]"
    return f"{_shown(written)} stands where a list belongs", fix


def _too_many(error: ErrorDetails) -> Words:
    return "three numbers are needed", "minimum, default, maximum, in bytes"


def _shown(value: Any) -> str:
    names: Sequence[tuple[type, str]] = ((dict, "a mapping"), (list, "a list"), (type(None), "nothing"))
    return next((name for kind, name in names if isinstance(value, kind)), repr(value))


_WORDS: Mapping[str, Callable[[ErrorDetails], Words]] = {
    "value_error": _malformed,
    "missing": _missing,
    "bool_parsing": _truth,
    "bool_type": _truth,
    "enum": _choice,
    "dataclass_type": _record,
    "dict_type": _table,
    "mapping_type": _table,
    "tuple_type": _list,
    "too_long": _too_many,
}

_EXAMPLES: Mapping[str, str] = {
    "name": "name: LAB says which scope the file is about; apply and destroy touch nothing else",
    "network": "network: NAME says which network the port is on",
    "attach": "attach: {netns: NAME}, {tap: {}}, host or {pidfile: PATH}",
    "cidr": "cidr: 10.0.0.0/24",
    "to": "to: PREFIX or default",
    "priority": "priority: NUMBER, from 1 to 32765",
    "address": "address: the neighbour's IP address",
    "dev": "dev: LINK",
}
