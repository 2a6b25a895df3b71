"""Other owners' firewalls: who drops what is forwarded, and where rules of others are welcome. Pure.

Source: docs.docker.com "Packet filtering and firewalls" (DOCKER-USER), firewalld.zones(5), ufw-framework(8).
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.backends.nft_dump import FORWARD, Chain
from weft.facts import ForwardDrop
from weft.kinds.nft.table import TABLE_PREFIX

USER_CHAINS = ("DOCKER-USER",)
"""Chains whose owners say that rules of others belong there and stay."""


def drops(chains: Iterable[Chain]) -> tuple[ForwardDrop, ...]:
    """The base chains at the forward hook of IP that drop by default and are not weft's."""
    known = list(chains)
    return tuple(
        ForwardDrop(family=c.family, table=c.table, chain=c.name, user_chain=_user_chain(c, known))
        for c in known
        if c.hook == FORWARD and c.drops and c.family in ("ip", "ip6", "inet") and not c.table.startswith(TABLE_PREFIX)
    )


def _user_chain(base: Chain, known: Iterable[Chain]) -> tuple[str, str, str] | None:
    for chain in known:
        if chain.name in USER_CHAINS and (chain.family, chain.table) == (base.family, base.table):
            return chain.family, chain.table, chain.name
    return None
