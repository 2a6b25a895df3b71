"""The rules of one router, by chain and slot: whoever has something to say there puts it into a slot of its own.

Rules: within a chain the slots are in order, and within a slot rules are as they were put. Only a chain that has rules
is made. Source: nft(8), linux/netfilter_ipv4.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from weft.compiler.draft import Draft
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path


class Chain(NamedTuple):
    """A base chain of a router's table. `priority`: of NF_IP_PRI_*."""

    name: str
    type: str
    hook: str
    priority: int


SRCNAT_PRIORITY = 100
"""Source: linux/netfilter_ipv4.h NF_IP_PRI_NAT_SRC."""

POSTROUTING = Chain("postrouting", "nat", "postrouting", SRCNAT_PRIORITY)
FORWARD = Chain("forward", "filter", "forward", -150)
"""NF_IP_PRI_MANGLE."""


class Slot(IntEnum):
    """What comes first decides: a port's own address goes before the router's."""

    CLAMP = 0
    PORTS = 20
    """Sources with an address of their own outside."""
    ROUTER = 40
    """All others: the router's address, or its pool."""


class RouterChains:
    """Collects the rules of one router, and puts them when everybody has said theirs."""

    __slots__ = ("_rules", "netns", "path")

    def __init__(self, netns: str, path: Path) -> None:
        self.netns = netns
        self.path = path
        self._rules: dict[Chain, list[tuple[Slot, str]]] = {}

    def add(self, chain: Chain, slot: Slot, rules: Sequence[str]) -> None:
        if rules:
            self._rules.setdefault(chain, []).extend((slot, rule) for rule in rules)

    def put(self, draft: Draft) -> None:
        """Put the table and the chains."""
        for chain, rules in self._rules.items():
            draft.share(NftTable(netns=self.netns, family="inet", name=draft.names.table), self.path)
            draft.put(base_chain(self.netns, draft.names.table, chain, _ordered(rules)), self.path)


def _ordered(rules: Sequence[tuple[Slot, str]]) -> tuple[str, ...]:
    return tuple(rule for _, rule in sorted(rules, key=lambda pair: pair[0]))


def base_chain(netns: str, table: str, chain: Chain, rules: tuple[str, ...]) -> NftChain:
    return NftChain(
        netns=netns,
        family="inet",
        table=table,
        name=chain.name,
        rules=rules,
        type=chain.type,
        hook=chain.hook,
        priority=chain.priority,
    )
