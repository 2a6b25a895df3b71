"""The MTU that a link will have, told before any link is made: networks that stand on one have to know.

Rules: a bridge has the least MTU of its ports, unless somebody has given it one, which it does not tell. So one of
somebody else's is taken to be as low as the ports that the file gives it. Source: net/bridge/br_if.c
br_mtu_auto_adjust.
"""

from __future__ import annotations

from dataclasses import replace

from weft.compiler.draft import Draft
from weft.compiler.links.declared import Declared
from weft.compiler.links.tunnel import added_by
from weft.compiler.links.ways import Ways
from weft.compiler.network import ETHERNET_MTU
from weft.model.links import BridgeLink, LinkUpon, TunnelLink
from weft.state import HOST, Key, link_key


class MtuAhead:
    """`declared`: all links that the file speaks of; `ways`: by which of them tunnels' packets leave."""

    def __init__(self, draft: Draft, declared: Declared, ways: Ways) -> None:
        self._draft, self._declared, self._ways = draft, declared, ways

    def of(self, key: Key, above: frozenset[Key] = frozenset()) -> int | None:
        """In bytes; None where nobody knows. `above`: what stands on it, for a loop ends the search."""
        entry = self._declared.get(key)
        if entry is not None and entry.spec.mtu:
            return entry.spec.mtu
        if entry is None or not entry.spec.kind:
            there = self._draft.facts.links.get(key.name) if key.netns == HOST else None
            return there.mtu if there else None
        if not isinstance(entry.spec, LinkUpon | TunnelLink):
            return ETHERNET_MTU
        below = self._ways.below(key, entry.spec)
        most = self.of(below, above | {key}) if below and below not in above else None
        added = added_by(entry.spec).total_bytes if isinstance(entry.spec, TunnelLink) else 0
        return (most or ETHERNET_MTU) - added


def lower_bridges(draft: Draft, declared: Declared) -> None:
    """Think of bridges of others' on the host as they are once they have their ports of the file."""
    ports = {key: entry.spec.master for key, entry in declared.items() if key.netns == HOST and entry.spec.master}
    if not ports:
        return
    ahead = MtuAhead(draft, declared, Ways(draft, declared))
    for port, master in ports.items():
        there, said = draft.facts.links.get(master), declared.get(link_key(HOST, master))
        if there is None or there.link_kind != BridgeLink.kind or (said and (said.spec.kind or said.spec.mtu)):
            continue
        mtu = ahead.of(port)
        if mtu and mtu < there.mtu:
            draft.suppose({master: replace(there, mtu=mtu)})
