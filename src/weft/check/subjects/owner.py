"""Another program that owns chains, as the doctor knows it."""

from __future__ import annotations

from collections.abc import Callable, Set

from weft.check.block import Block, ChainName
from weft.check.symptoms import Tunnel
from weft.records import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """`owns`: whether a block is its, given all chains there are. `command`: shell that opens the block for weft;
    `admit`: shell that lets in what other machines send to a tunnel, None for who has no say in that."""

    name: str
    owns: Callable[[Block, Set[ChainName]], bool]
    mend: str
    command: Callable[[Block], str]
    admit: Callable[[Block, Tunnel], str] | None = None


def has_chain(block: Block, chains: Set[ChainName], prefix: str) -> bool:
    """Whether the block's table has a chain whose name begins so."""
    return any(chain[:2] == (block.family, block.table) and chain[2].startswith(prefix) for chain in chains)


def iptables(block: Block) -> str:
    """The command that speaks of the block's family."""
    return "ip6tables" if block.family == "ip6" else "iptables"
