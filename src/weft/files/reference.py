"""The tables of docs/file.md, from the model's types and meaning.py: `python -m weft.files.reference docs/file.md`.

Rules: what stands between the two marks of the page is made, all else is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path as DiskPath
from typing import Any

from weft.files.json_schema import required_keys
from weft.files.meaning import MEANINGS, base_of
from weft.files.outline import Choice, Listing, Outline, Record, Table, outline

BEGIN, END = "<!-- keys: made by python -m weft.files.reference -->\n", "<!-- end of keys -->\n"


def tables() -> str:
    """A table of keys for each record, in Markdown."""
    return "\n".join(_table(cls) for cls in MEANINGS)


def with_tables(page: str) -> str:
    """The page with its tables as they should be.

    Raises: ValueError where it lacks the marks.
    """
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{tables()}\n{END}{rest.split(END)[1]}"


def _table(cls: type) -> str:
    meaning, record, required = MEANINGS[cls], outline(cls), required_keys(cls)
    assert isinstance(record, Record)
    rows = [
        f"| `{key}`{' (required)' if key in required else ''} | {_kind(record.fields[key])} | {said} |"
        for key, said in meaning.keys.items()
    ]
    beside = [f"Beside the keys of {_link_to(base)}:", ""] if (base := base_of(cls)) else []
    table = ["| key | is | meaning |", "|---|---|---|", *rows, ""] if rows else []
    return "\n".join([f"### {meaning.title}", "", *beside, *table])


def _kind(wanted: Outline) -> str:
    if isinstance(wanted, Choice):
        return f"{_link_to(wanted.plain.cls)}, or one of its kinds"
    if isinstance(wanted, Record):
        return _link_to(wanted.cls)
    if isinstance(wanted, Table):
        return f"a mapping from {wanted.key.what}"
    if isinstance(wanted, Listing):
        return f"a list of {wanted.count or ''} {_kind(wanted.of)}".replace("  ", " ")
    return _said(wanted.schema)


def _said(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        number, named = schema["anyOf"]
        return f"{_said(number)}, or {', '.join(named['enum'])}"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{word}`" for word in schema["enum"])
    if schema["type"] == "boolean":
        return "true or false"
    if schema["type"] == "integer":
        return f"{schema['description']}, {schema['minimum']} to {schema['maximum']}"
    return f"{schema['description']}"


def _link_to(cls: type) -> str:
    title = MEANINGS[cls].title
    return f"[{title}](#{_anchor(title)})"


def _anchor(title: str) -> str:
    """As GitHub makes the anchor of a heading."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")


if __name__ == "__main__":
    file = DiskPath(sys.argv[1])
    file.write_text(with_tables(file.read_text()))
