"""The format as JSON Schema (draft 2020-12), for editors and for whoever writes files by program.

Rules: made from the model's types and from meaning.py. It takes what `load` takes as people should write it; texts may
hold `{name}` and `{n}`, so it says what they are and leaves their form to `load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from weft.files.meaning import MEANINGS, keys_of
from weft.files.outline import Choice, Listing, Outline, Record, Table, outline
from weft.files.shorthand import LISTS_OF_ONE
from weft.model.intent import Attach, Intent, Network, Port, Subnet
from weft.model.qos import QosUse
from weft.model.router import ExternalSubnet, RouterGateway, RouterInterface
from weft.model.security import AddressPair, Logging, Remote

Json = dict[str, Any]

_SHORT: Mapping[type[Any], Json] = {
    Attach: {"enum": ["host", "tap", "router"]},
    Subnet: {"type": "string", "description": "a network with its prefix length"},
    ExternalSubnet: {"type": "string", "description": "a network with its prefix length"},
    RouterInterface: {"type": "string", "description": "the name of a network"},
    RouterGateway: {"type": "string", "description": "the name of an external network"},
    Remote: {"type": "string", "description": "a prefix or an address"},
    AddressPair: {"type": "string", "description": "a prefix or an address"},
    QosUse: {"type": "string", "description": "the name of a policy"},
    Logging: {"type": "boolean", "description": "as much as usual, or nothing"},
}
"""What may stand instead of a record."""


def schema() -> Json:
    """The JSON Schema of a file. An included file lacks `weft` and `name`: it is a part, checked with the whole."""
    defs: Json = {}
    _reference(outline(Intent), defs)
    whole: Json = defs.pop("Intent")
    del defs["Port"]["required"]  # defaults may say it
    for record in (whole, defs["Tenant"]):
        record["properties"]["defaults"] = _defaults(defs)
    files: Json = {"type": "string", "description": "a file, or a pattern, relative to this file"}
    whole["properties"] = {
        "weft": {"const": 1, "description": "The version of the format."},
        "include": {
            "anyOf": [files, {"type": "array", "items": files}],
            "description": "Files that belong to this one.",
        },
        **whole["properties"],
    }
    whole["required"] = ["weft", *whole["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "weft", **whole, "$defs": defs}


def _reference(wanted: Outline, defs: Json) -> Json:
    """The schema of one place; records go to `defs` and are referred to."""
    if isinstance(wanted, Record):
        if wanted.cls.__name__ not in defs:
            defs[wanted.cls.__name__] = {}
            defs[wanted.cls.__name__] = _record(wanted, defs)
        pointer = {"$ref": f"#/$defs/{wanted.cls.__name__}"}
        return {"anyOf": [_SHORT[wanted.cls], pointer]} if wanted.cls in _SHORT else pointer
    if isinstance(wanted, Choice):
        return {"anyOf": [_chosen(wanted, word, defs) for word in wanted.of] + [_reference(wanted.plain, defs)]}
    if isinstance(wanted, Table):
        names = {"description": wanted.key.what}
        return {"type": "object", "propertyNames": names, "additionalProperties": _reference(wanted.of, defs)}
    if isinstance(wanted, Listing):
        length = {"minItems": wanted.count, "maxItems": wanted.count} if wanted.count else {}
        return {"type": "array", "items": _reference(wanted.of, defs), **length}
    return dict(wanted.schema)


def _chosen(wanted: Choice, word: str, defs: Json) -> Json:
    """A record with the word that it is chosen by."""
    record = wanted.of[word]
    pointer = _reference(record, defs)
    inner: Json = defs[record.cls.__name__]
    inner["properties"] = {wanted.by: {"const": word}, **inner["properties"]}
    inner["required"] = [wanted.by, *inner.get("required", [])]
    return pointer


def _record(wanted: Record, defs: Json) -> Json:
    meanings = keys_of(wanted.cls)
    required = required_keys(wanted.cls)
    return {
        "type": "object",
        "description": MEANINGS[wanted.cls].title,
        "properties": {
            name: {**_value(wanted, inner, defs), "description": meanings[name]}
            for name, inner in wanted.fields.items()
        },
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _value(record: Record, wanted: Outline, defs: Json) -> Json:
    if isinstance(wanted, Listing) and record.cls in LISTS_OF_ONE:
        return {"anyOf": [_reference(wanted, defs), _reference(wanted.of, defs)]}
    return _reference(wanted, defs)


def _defaults(defs: Json) -> Json:
    """Parts of a port and of a network: nothing is required of them."""
    parts = {
        key: {k: v for k, v in defs[cls.__name__].items() if k != "required"}
        for key, cls in (("port", Port), ("network", Network))
    }
    return {
        "type": "object",
        "description": "What each port or network has that it does not give itself.",
        "properties": parts,
        "additionalProperties": False,
    }


def required_keys(cls: type[Any]) -> list[str]:
    """Keys that a record must have, in the model's order."""
    return [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
