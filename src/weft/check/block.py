"""A chain of others in the way, as the doctor knows it. Pure."""

from __future__ import annotations

from weft.reach.foreign.transit import Way
from weft.records import dataclass

ChainName = tuple[str, str, str]
"""(family, table, chain)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A base chain at the forward hook that drops what weft forwards, on `ways`. `user_chain`: where its owner invites
    rules, or None."""

    family: str
    table: str
    chain: str
    user_chain: ChainName | None = None
    ways: frozenset[Way] = frozenset(Way)

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.chain}"
