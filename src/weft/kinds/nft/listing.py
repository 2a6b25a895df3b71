"""Reads what `nft -s -a -y list` prints into objects. Pure.

Rules: only what weft has kinds for is read; counters, quotas, flowtables and the like are passed over. Handles stand
beside the objects, never in them. Source: nftables src/rule.c and src/expression.c (the printers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field, replace

from weft.kinds.nft import chain, element, nftset, table
from weft.kinds.nft.chain import ListedRule
from weft.records import dataclass
from weft.state import KernelObject, Key

_ELEMENT = re.compile(r'(?:[^",]|"[^"]*")+')


@dataclass(frozen=True, slots=True)
class Listing:
    """`rules`: handles and texts of each chain's rules."""

    objects: list[KernelObject] = field(default_factory=list)
    rules: dict[Key, tuple[ListedRule, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two braces: a table (without what is in it), a chain, a set, a map."""

    family: str
    table: str
    word: str
    name: str
    body: list[str]


def read(netns: str, text: str) -> Listing:
    """Objects of one namespace from nft's listing of tables, chains, sets or elements."""
    listing = Listing()
    for block in blocks(text):
        match block.word:
            case "table":
                listing.objects.append(table.parse(netns, block.family, block.name))
            case "chain":
                _read_chain(listing, netns, block)
            case "set" | "map":
                listing.objects.extend(_read_set(netns, block))
    return listing


def blocks(text: str) -> Iterator[Block]:
    """nft indents by one tab a level; a block within a table ends with a brace on a line of its own."""
    family = table_name = word = name = ""
    body: list[str] = []
    for line in text.split("\n"):
        if line.startswith("\t\t"):
            body.append(line.strip())
        elif line == "\t}":
            yield Block(family, table_name, word, name, body)
        elif line.startswith("\t") and "{" in line:
            word, _, name = line[1:].partition(" {")[0].rpartition(" ")
            body = []
        elif line.startswith("table "):
            _, family, table_name = line.partition(" {")[0].split(" ")
            yield Block(family, table_name, "table", table_name, [])


def _read_chain(listing: Listing, netns: str, block: Block) -> None:
    header = block.body[0] if block.body and block.body[0].startswith("type ") else ""
    rules = tuple(_rules(block.body[1:] if header else block.body))
    held = chain.parse(netns, block.family, block.table, block.name, header, [rule.text for rule in rules])
    listing.objects.append(held)
    listing.rules[held.key] = rules


def _rules(lines: Iterable[str]) -> Iterator[ListedRule]:
    for line in lines:
        text, _, handle = line.rpartition(" # handle ")
        if handle.isdigit():
            yield ListedRule(int(handle), text)


def _read_set(netns: str, block: Block) -> Iterator[KernelObject]:
    start = next((i for i, line in enumerate(block.body) if line.startswith("elements = {")), len(block.body))
    held = nftset.parse(netns, block.family, block.table, block.name, block.body[:start])
    if nftset.DYNAMIC in held.flags:
        yield held
        return
    texts = elements_of(" ".join(block.body[start:]))
    if held.counted:
        yield replace(held, elements=tuple(sorted(_uncounted(held, texts))))
        return
    yield held
    for text in texts:
        name, _, value = text.partition(" : ") if held.data else (text, "", "")
        yield element.parse(held.netns, held.family, held.table, held.name, name, value)


def _uncounted(held: nftset.NftSet, texts: Iterable[str]) -> Iterator[str]:
    end = f" {nftset.COUNTER}"
    if held.data:
        return (text.replace(f"{end} : ", " : ", 1) for text in texts)
    return (text.removesuffix(end) for text in texts)


def elements_of(text: str) -> list[str]:
    inner = text.removeprefix("elements = {").removesuffix("}")
    # Most sets have no quoted strings, and a plain split is several times as fast.
    parts = _ELEMENT.findall(inner) if '"' in inner else inner.split(",")
    return [stripped for part in parts if (stripped := part.strip())]
