"""Plain data to the intent's dataclasses, by pydantic's core, and its complaints in our words at the user's places.

Rules: the validator is built from the outline, for the records and keys that the file speaks of. pydantic's TypeAdapter
would build the same from the same types (a test compares), in 70 ms of every command more: see docs/adr. It gets texts
alone and its lax mode makes of them what the field's type says. There is no null in what it gets: see shape.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from weft.errors import Problem
from weft.files.nodes import Origins
from weft.files.outline import Choice, Listing, Outline, Record, Table, key_of, outline
from weft.files.shape import Spoken
from weft.model import intent
from weft.model.words import Form, Malformed, closest
from weft.records import dataclass

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, SchemaValidator

Words = tuple[str, str]


@lru_cache(maxsize=32)
def _validator(spoken: frozenset[tuple[type[Any], frozenset[str]]]) -> SchemaValidator:
    from pydantic_core import SchemaValidator

    return SchemaValidator(_Schema(dict(spoken)).of(outline(intent.Intent)))


@dataclass(frozen=True, slots=True)
class _Schema:
    """The core schema of what is spoken of. Source: pydantic_core.core_schema."""

    spoken: Mapping[type[Any], Set[str]]

    def of(self, wanted: Outline) -> Any:
        """The schema of one place."""
        if isinstance(wanted, Record):
            return self._record(wanted)
        if isinstance(wanted, Table):
            return {"type": "dict", "keys_schema": _form(wanted.key), "values_schema": self.of(wanted.of)}
        if isinstance(wanted, Listing):
            items = [self.of(wanted.of)] * (wanted.count or 1)
            return {"type": "tuple", "items_schema": items} | ({} if wanted.count else {"variadic_item_index": 0})
        if isinstance(wanted, Choice):
            return self._choice(wanted)
        if isinstance(wanted.form, Form):
            return _form(wanted.form)
        if wanted.form is bool:
            return {"type": "bool"}
        return {"type": "enum", "cls": wanted.form, "members": list(wanted.form)}

    def _choice(self, wanted: Choice) -> Any:
        chosen = {word: record for word, record in wanted.of.items() if record.cls in self.spoken}
        choices = {word: self.of(record) for word, record in {"": wanted.plain, **chosen}.items()}
        return {"type": "tagged-union", "discriminator": lambda data: _word(wanted, data), "choices": choices}

    def _record(self, wanted: Record) -> Any:
        arguments = [self._argument(wanted, field) for field in fields(wanted.cls)]
        names = [field.name for field in fields(wanted.cls)]
        schema = {"type": "dataclass-args", "dataclass_name": wanted.cls.__name__, "fields": arguments}
        return {"type": "dataclass", "cls": wanted.cls, "schema": schema, "fields": names, "slots": True}

    def _argument(self, wanted: Record, field: Field[Any]) -> Any:
        said = {"type": "dataclass-field", "name": field.name, "kw_only": True, "schema": self._field(wanted, field)}
        return said if key_of(field) == field.name else {**said, "validation_alias": key_of(field)}

    def _field(self, wanted: Record, field: Field[Any]) -> Any:
        key = key_of(field)
        is_spoken_of = key in self.spoken.get(wanted.cls, ())
        schema = self.of(wanted.fields[key]) if is_spoken_of else {"type": "any"}
        if field.default is not MISSING:
            return {"type": "default", "schema": schema, "default": field.default}
        if field.default_factory is not MISSING:
            return {"type": "default", "schema": schema, "default_factory": field.default_factory}
        return schema


def _form(form: Form) -> Any:
    return {"type": "function-plain", "function": {"type": "no-info", "function": form.read}}


def _word(wanted: Choice, data: Any) -> str:
    return str(data.get(wanted.by, "")) if isinstance(data, Mapping) else ""


def build(data: Any, origins: Origins, spoken: Spoken) -> tuple[intent.Intent | None, list[Problem]]:
    """The intent, or what is wrong with the types of its parts. `spoken`: all that `data` may hold."""
    from pydantic_core import ValidationError

    try:
        said = frozenset((cls, frozenset(keys)) for cls, keys in spoken.items())
        return _validator(said).validate_python(data), []
    except ValidationError as refused:
        found = refused.errors(include_url=False)
    return None, [_problem(error, origins) for error in found if error["loc"][-1:] != ("[key]",)]


def _problem(error: ErrorDetails, origins: Origins) -> Problem:
    loc = _written(error["loc"])
    what, fix = _WORDS.get(error["type"], _as_pydantic_says)(error)
    named = [str(step) for step in loc if isinstance(step, str)]
    at = f"{named[-1]}: " if named and error["type"] != "missing" else ""
    return Problem(where=origins.value_at(loc), what=at + what, fix=fix)


def _written(loc: Sequence[str | int]) -> list[str | int]:
    """The steps that somebody wrote: without the words by which records were chosen, which pydantic counts as steps."""
    wanted, steps = outline(intent.Intent), []
    for step in loc:
        if isinstance(wanted, Choice):
            wanted = wanted.chosen(str(step))
            continue
        steps.append(step)
        if isinstance(wanted, Record):
            wanted = wanted.fields[str(step)]
        elif isinstance(wanted, Table | Listing):
            wanted = wanted.of
    return steps


def _as_pydantic_says(error: ErrorDetails) -> Words:
    return error["msg"], ""


def _malformed(error: ErrorDetails) -> Words:
    wrong = error["ctx"]["error"]
    return (wrong.what, wrong.fix) if isinstance(wrong, Malformed) else (str(wrong), "")


def _missing(error: ErrorDetails) -> Words:
    step = error["loc"][-1]
    if isinstance(step, int):
        return f"{error['loc'][-2]}: three numbers are needed", "minimum, default, maximum, in bytes"
    of = "floating_ips.network" if step == "network" and "floating_ips" in error["loc"] else str(step)
    return f"{step} is missing", _EXAMPLES.get(of, "")


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
    from weft.files.meaning import MEANINGS  # only mistakes pay for it

    keys = [key_of(f) for cls in MEANINGS if cls.__name__ == class_name for f in fields(cls)]
    return f"its keys: {', '.join(keys)}" if keys else ""


def _table(error: ErrorDetails) -> Words:
    return f"{_shown(error['input'])} stands where a mapping belongs", "write NAME: {...} for each"


def _list(error: ErrorDetails) -> Words:
    written = error["input"]
    one = written if isinstance(written, str) else "{...}" if isinstance(written, dict) else "ONE, TWO"
    return f"{_shown(written)} stands where a list belongs", f"write [{one}]"


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
    "floating_ips.network": "network: NAME says which external network the address is of",
    "attach": "attach: {netns: NAME}, {tap: {}}, host or {pidfile: PATH}",
    "cidr": "cidr: 10.0.0.0/24",
    "to": "to: PREFIX or default",
    "priority": "priority: NUMBER, from 1 to 32765",
    "address": "address: the neighbour's IP address",
    "dev": "dev: LINK",
    "peer": "peer: NAME names the other end",
    "link": "link: NAME, the one that it stands on",
    "vid": "vid: NUMBER, from 1 to 4094",
}
