"""What a listing of nft with counters says has been counted. Pure.

Rules: a rule and an element are named by their text without counters, as objects have it. Source: nftables
src/statement.c, src/expression.c (the printers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from weft.kinds.nft.listing import blocks, elements_of
from weft.records import dataclass

_COUNTER = re.compile(r" ?counter packets (\d+) bytes (\d+)")
_HANDLE = re.compile(r" # handle \d+$")


@dataclass(frozen=True, slots=True)
class Count:
    """What fitted."""

    packets: int = 0
    bytes: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.packets + other.packets, self.bytes + other.bytes)


NONE = Count()


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one table. `rules`: by chain and text, of rules that count; `elements`: by set and element, in maps without
    what it leads to."""

    rules: Mapping[tuple[str, str], Count] = field(default_factory=dict)
    elements: Mapping[tuple[str, str], Count] = field(default_factory=dict)

    def of_set(self, name: str) -> Iterator[tuple[str, Count]]:
        """The elements of one set, without quotes."""
        return ((element.strip('"'), count) for (held, element), count in self.elements.items() if held == name)


def read_counts(text: str) -> Counts:
    """Of a table as `nft list table` prints it."""
    rules: dict[tuple[str, str], Count] = {}
    elements: dict[tuple[str, str], Count] = {}
    for block in blocks(text):
        if block.word == "chain":
            for line in block.body:
                said, count = _counted(_HANDLE.sub("", line))
                if count is not None:
                    rules[block.name, said] = rules.get((block.name, said), NONE) + count
        elif block.word in ("set", "map"):
            start = next((i for i, line in enumerate(block.body) if line.startswith("elements = {")), len(block.body))
            for element in elements_of(" ".join(block.body[start:])):
                said, count = _counted(element.partition(" : ")[0])
                if count is not None:
                    elements[block.name, said] = count
    return Counts(rules, elements)


def _counted(text: str) -> tuple[str, Count | None]:
    """The text as objects have it, and what it has counted."""
    found = _COUNTER.search(text)
    if found is None:
        return text, None
    is_rule = bool(text[found.end() :])
    word = f"{' ' if found.start() else ''}counter" if is_rule else ""
    return text[: found.start()] + word + text[found.end() :], Count(int(found[1]), int(found[2]))
