"""By which link an address of an underlay is reached, where a tunnel does not say.

Rules: the link that has the tunnel's own address, else the one with the narrowest subnet that holds the other end's,
else the host's way out. What is known of a namespace is gathered once, when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface

from weft.compiler.addressing import Span, number_of
from weft.compiler.draft import Draft
from weft.compiler.links.declared import Declared, stands_on, underlay_of
from weft.kinds.ip.address import Address
from weft.model.links import BoundTunnelLink, HostLink, TunnelLink, VxlanLink
from weft.state import HOST, Key, link_key


class Ways:
    """`declared`: all links that the file speaks of."""

    def __init__(self, draft: Draft, declared: Declared) -> None:
        self._draft, self._declared = draft, declared
        self._holders: dict[str, dict[str, str]] = {}
        self._spans: dict[str, list[tuple[int, Span, str]]] = {}

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
        family, number = number_of(far)
        fits = [(width, ifname) for width, span, ifname in self._spans[netns] if span.covers(family, number)]
        return min(fits)[1] if fits else ""

    def _gather(self, netns: str) -> None:
        known = list(self._addresses(netns))
        self._holders[netns] = {cidr.partition("/")[0]: ifname for cidr, ifname in known}
        spans = [(Span.of(str(ip_interface(cidr).network)), ifname) for cidr, ifname in known]
        self._spans[netns] = [(span.high - span.low, span, ifname) for span, ifname in spans]

    def _addresses(self, netns: str) -> Iterator[tuple[str, str]]:
        if netns == HOST:
            for link in self._draft.facts.links.values():
                yield from ((cidr, link.ifname) for cidr in link.addresses)
        for key, entry in self._declared.items():
            if key.netns == netns:
                yield from ((cidr, key.name) for cidr in entry.spec.addresses)
        for obj in self._draft.state.values():
            if isinstance(obj, Address) and obj.netns == netns:
                yield obj.cidr, obj.ifname


def remotes_of(spec: TunnelLink) -> Iterator[str]:
    """All machines at the other end."""
    if spec.remote:
        yield spec.remote
    if isinstance(spec, VxlanLink):
        yield from spec.remotes
    yield from (entry.remote for entry in spec.fdb if entry.remote)
