"""Reads a listing of nftables and says whether what weft forwards gets through a base chain. Pure.

Rules: a packet is followed as far as its link decides: rules without a condition, and those whose only condition is the
name of a transit link. Other conditions are taken not to hold, as for a first packet between links that nobody else
knows. Source: nft(8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from weft.records import dataclass

Chain = tuple[str, str, str]
"""(family, table, chain)."""

WAYS = ("iifname", "oifname")
"""From a router to the world, and from the world to a router."""

_TABLE = re.compile(r"table (\w+) (\S+) \{")
_CHAIN = re.compile(r"\tchain (\S+) \{")
_BASE = re.compile(r"type filter hook forward .*?policy (\w+);|type filter hook forward priority [^;]+;$")
_NOISE = re.compile(
    r"\bcounter( packets \d+ bytes \d+)?|\s*#.*$|\bcomment \"[^\"]*\"|\blog( prefix \"[^\"]*\"| level \w+)*"
)
_TRANSIT = {way: re.compile(rf'^{way} "wu(\*|\w+)" (.*)$') for way in WAYS}
_DEPTH = 16
"""As deep as jumps go. Source: linux/netfilter/nf_tables.h NFT_JUMP_STACK_SIZE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A base chain at the forward hook that drops what weft forwards, on at least one of the two ways. `user_chain`:
    where its owner invites rules, or None."""

    family: str
    table: str
    chain: str
    user_chain: Chain | None = None

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.chain}"


@dataclass(frozen=True, slots=True)
class Listing:
    """`rules` in order. `bases`: chains at the forward hook, and whether they drop by default."""

    rules: Mapping[Chain, Sequence[str]] = field(default_factory=dict)
    bases: Mapping[Chain, bool] = field(default_factory=dict)


def read(text: str) -> Listing:
    """What `nft list table` prints, of any number of tables."""
    rules: dict[Chain, list[str]] = {}
    bases: dict[Chain, bool] = {}
    table, chain = ("", ""), None
    for line in text.splitlines():
        if found := _TABLE.match(line):
            table = found[1], found[2]
        elif found := _CHAIN.match(line):
            chain = (*table, found[1])
            rules[chain] = []
        elif line == "\t}":
            chain = None
        elif chain is not None:
            words = " ".join(_NOISE.sub("", line).split())
            if found := _BASE.search(words):
                bases[chain] = found[1] == "drop"
            elif words and not words.startswith(("type ", "device ")):
                rules[chain].append(words)
    return Listing(rules, bases)


def blocks(listing: Listing, base: Chain) -> bool:
    """Whether what comes from a router, or goes to one, is dropped."""
    return any((_verdict(listing, base, way) or _default(listing, base)) == "drop" for way in WAYS)


def _default(listing: Listing, base: Chain) -> str:
    return "drop" if listing.bases[base] else "accept"


def _verdict(listing: Listing, chain: Chain, way: str, depth: int = 0) -> str | None:
    """accept or drop; None where the chain decides nothing."""
    if depth > _DEPTH:
        return None
    for rule in listing.rules.get(chain, ()):
        found = _TRANSIT[way].match(rule)
        verb, _, target = (found[2] if found else rule).partition(" ")
        if verb in ("accept", "drop", "reject"):
            return "accept" if verb == "accept" else "drop"
        if verb == "return":
            return None
        if verb in ("jump", "goto"):
            decided = _verdict(listing, (*chain[:2], target), way, depth + 1)
            if decided or verb == "goto":
                return decided
    return None
