"""`node[1-1000]`: one entry that stands for many, and `{name}`, `{n}` in its texts.

Rules: `node[01-20]` keeps its width in the name; `{n}` is the plain number, so that it may end an address. An entry
outside a range knows `{name}` alone.
"""

from __future__ import annotations

import re

from weft.files.nodes import Fill
from weft.model.words import Malformed

MAX_ENTRIES = 65_536
_RANGE = re.compile(r"([^\[\]]*)\[([0-9]{1,9})-([0-9]{1,9})\]([^\[\]]*)")


def expand(key: str) -> list[Fill]:
    """The entries that a key stands for: itself, or each of its range.

    Raises: Malformed for brackets that are no range, a range that runs backwards or one beyond all use.
    """
    if "[" not in key and "]" not in key:
        return [Fill(key, "")]
    found = _RANGE.fullmatch(key)
    if not found:
        raise Malformed(f"{key} is not a name, nor a range of names", "a range is written node[1-20] or node[01-20]")
    head, first, last, tail = found.groups()
    low, high = int(first), int(last)
    if high < low:
        raise Malformed(f"the range {key} runs backwards", f"write {head}[{last}-{first}]{tail}")
    if high - low >= MAX_ENTRIES:
        raise Malformed(f"{key} stands for {high - low + 1:,} entries", f"a range has at most {MAX_ENTRIES:,}")
    width = len(first) if first.startswith("0") else 1
    return [Fill(f"{head}{n:0{width}}{tail}", str(n)) for n in range(low, high + 1)]


def filled(text: str, fill: Fill) -> str:
    """`text` with the placeholders replaced.

    Raises: Malformed where `{n}` stands outside a range.
    """
    if "{n}" in text and not fill.n:
        raise Malformed(f"{text!r} has {{n}}, which only an entry of a range has", "use {name}, or a range: node[1-20]")
    return text.replace("{name}", fill.name).replace("{n}", fill.n)
