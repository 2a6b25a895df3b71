"""By which link an address of an underlay is reached, where a tunnel does not say.

Rules: the link that has the tunnel's own address, else the one with the narrowest subnet that holds the other end's,
else the host's way out. What is known is gathered once, when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.draft import Draft
from weft.compiler.links.declared import Declared, stands_on, underlay_of
from weft.compiler.prefixes import Prefixes
from weft.kinds.ip.address import Address
from weft.model.links import BoundTunnelLink, HostLink, TunnelLink, VxlanLink
from weft.state import HOST, Key, link_key


class Ways:
    """`declared`: all links that the file speaks of."""

    def __init__(self, draft: Draft, declared: Declared) -> None:
        self._draft, self._declared = draft, declared
        self._by_netns: dict[str, list[tuple[str, str]]] = {}
        self._holders: dict[str, dict[str, str]] = {}
        self._prefixes: dict[str, Prefixes] = {}

    def below(self, key: Key, spec: HostLink) -> Key | None:
        """The link that a tunnel's packets leave by, if that can be known; of any other link, its parent."""
        if not isinstance(spec, TunnelLink) or stands_on(key, spec) is not None:
            return stands_on(key, spec)
        netns = underlay_of(key, spec)
        ifname = self._ifname(netns, spec)
        if ifname:
            return link_key(netns, ifname)
        egress = self._draft.facts.egress_links if netns == HOST else ()
        return link_key(HOST, egress[0]) if egress else None

    def has(self, netns: str, address: str) -> bool:
        """Whether a link of the namespace has an address, as far as is known."""
        if netns not in self._holders:
            self._gather(netns)
        return address in self._holders[netns]

    def _ifname(self, netns: str, spec: TunnelLink) -> str:
        if netns not in self._holders:
            self._gather(netns)
        local = spec.local if isinstance(spec, BoundTunnelLink) else None
        if local in self._holders[netns]:
            return self._holders[netns][local]
        far = next(remotes_of(spec), None)
        if far is None:
            return ""
        return self._prefixes[netns].find(far) or ""

    def _gather(self, netns: str) -> None:
        if not self._by_netns:
            for link, cidr in self._addresses():
                self._by_netns.setdefault(link.netns, []).append((cidr, link.name))
        known = self._by_netns.get(netns, ())
        self._holders[netns] = {cidr.partition("/")[0]: ifname for cidr, ifname in known}
        self._prefixes[netns] = Prefixes(known)

    def _addresses(self) -> Iterator[tuple[Key, str]]:
        for link in self._draft.facts.links.values():
            yield from ((link_key(HOST, link.ifname), cidr) for cidr in link.addresses)
        for key, entry in self._declared.items():
            yield from ((key, cidr) for cidr in entry.spec.addresses)
        for obj in self._draft.state.values():
            if isinstance(obj, Address):
                yield link_key(obj.netns, obj.ifname), obj.cidr


def remotes_of(spec: TunnelLink) -> Iterator[str]:
    """All machines at the other end."""
    if spec.remote:
        yield spec.remote
    if isinstance(spec, VxlanLink):
        yield from spec.remotes
    yield from (entry.remote for entry in spec.fdb if entry.remote)
