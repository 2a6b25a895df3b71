"""What others' rules are made of."""

from __future__ import annotations

from typing import NamedTuple

from weft.records import dataclass

LEGACY = {4: "iptables-legacy", 6: "ip6tables-legacy"}
"""In place of a table's family: rules that nftables does not show."""

BACK_BY_IIF, BACK = "fib back_by_iif", "fib back"
"""Whether there is a way back to a packet's source, by the link that it came in by, or by any: exists or missing."""


class Term(NamedTuple):
    """One comparison: `fields` by nft's names, and values of them, one of which is to be had, or none (`differs`)."""

    fields: tuple[str, ...]
    differs: bool
    values: tuple[tuple[str, ...], ...]


class Rule(NamedTuple):
    """`text`: as it is listed. `terms`: None for one that is not understood. `verdict`: accept, drop, reject, return,
    `jump X`, `goto X`, queue, `snat`, `dnat`; "" for a rule that decides nothing."""

    text: str
    terms: tuple[Term | None, ...]
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """`family`: of its table, or one of LEGACY; `families`: 4 and 6, which packets it sees. `type`, `hook`, `priority`,
    `drops` (by default): of a base chain; "" as hook of another."""

    family: str
    table: str
    name: str
    rules: tuple[Rule, ...]
    families: frozenset[int] = frozenset({4, 6})
    type: str = "filter"
    hook: str = ""
    priority: int = 0
    drops: bool = False

    def __str__(self) -> str:
        return f"chain {self.name} in table {self.family} {self.table}"
