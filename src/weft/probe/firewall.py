"""Other owners' firewalls: who drops what is forwarded, and where rules of others are welcome. Pure.

Source: docs.docker.com "Packet filtering and firewalls" (DOCKER-USER), firewalld.zones(5), ufw-framework(8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from weft.backends.nft_dump import FORWARD, Chain
from weft.facts import ForwardDrop
from weft.kinds.nft.table import TABLE_PREFIX
from weft.reach import foreign
from weft.reach.foreign.transit import Passage, Way, gates, stopped

USER_CHAINS = ("DOCKER-USER",)
"""Chains whose owners say that rules of others belong there and stay."""


def in_the_way(
    chains: Sequence[Chain], look: Callable[[], Sequence[foreign.Chain]], through: Sequence[Passage]
) -> tuple[ForwardDrop, ...]:
    """The base chains at the forward hook that invite rules of others, and those that do drop what routers send. Rules
    are looked at (`look`) only where somebody has a chain there that does not invite."""
    invited = tuple(drop for drop in drops(chains) if drop.user_chain)
    known = {(drop.family, drop.table, drop.chain) for drop in invited}
    if all((c.family, c.table, c.name) in known for c in chains if _is_gate(c)):
        return invited
    found = look()
    return invited + tuple(
        ForwardDrop(family=gate.family, table=gate.table, chain=gate.name)
        for gate in gates(found)
        if (gate.family, gate.table, gate.name) not in known and Way.OUT in (stopped(gate, found, through) or ())
    )


def drops(chains: Iterable[Chain]) -> tuple[ForwardDrop, ...]:
    """The base chains at the forward hook of IP that drop by default and are not weft's."""
    known = list(chains)
    return tuple(
        ForwardDrop(family=c.family, table=c.table, chain=c.name, user_chain=_user_chain(c, known))
        for c in known
        if c.drops and _is_gate(c)
    )


def _is_gate(chain: Chain) -> bool:
    is_others = chain.family in ("ip", "ip6", "inet") and not chain.table.startswith(TABLE_PREFIX)
    return is_others and chain.hook == FORWARD


def _user_chain(base: Chain, known: Iterable[Chain]) -> tuple[str, str, str] | None:
    for chain in known:
        if chain.name in USER_CHAINS and (chain.family, chain.table) == (base.family, base.table):
            return chain.family, chain.table, chain.name
    return None
