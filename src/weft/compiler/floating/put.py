"""What floating IPs become: elements and rules in their routers, routes and proxy entries on the host.

Rules: in the router itself the address is unreachable, so that what no map has does not go back to the host in a loop.
Of several addresses of one port the first in the file is what it speaks as.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from weft.compiler.draft import Draft
from weft.compiler.floating.claims import FloatingKey
from weft.compiler.floating.layout import FLOATING, FORWARDS, SOURCES, destinations, forwarded, hairpin, maps, sources
from weft.compiler.floating.leads import Behind, Lead, Way, leads
from weft.compiler.router.chains import POSTROUTING, PREROUTING, Slot
from weft.compiler.router.external import put_address
from weft.compiler.router.place import RouterPlace
from weft.compiler.routing import IPV6_METRIC
from weft.kinds.ip.route import Route
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.model.floating import Forward
from weft.model.intent import Path
from weft.model.security import PortRange


def compile_floating(draft: Draft, behind: Behind, had: Collection[FloatingKey]) -> Sequence[Lead]:
    """Put the floating IPs that their tenants have got, and tell where they lead."""
    routers: dict[Path, RouterPlace] = {}
    speaking: set[tuple[Path, str]] = set()
    found = list(leads(draft, behind, had))
    for lead in found:
        if lead.router.path not in routers:
            routers[lead.router.path] = lead.router
            _prepare(draft, lead)
        put_address(draft, lead.router, lead.external, lead.address, lead.path)
        draft.put(_unreachable(lead), lead.path)
        for way in lead.ways:
            _put(draft, lead, way)
            if way.forward is None and (lead.router.path, way.fixed) not in speaking:
                speaking.add((lead.router.path, way.fixed))
                _element(draft, lead, way, SOURCES[lead.family], way.fixed, lead.address)
    return found


def _prepare(draft: Draft, lead: Lead) -> None:
    """The maps and rules of a router that has any."""
    router = lead.router
    for feature in ("nft_inet", "nft_nat"):
        draft.need(feature, lead.path, "floating IPs cannot do without")
    for family, address in router.pool.items():
        for name, kind, data in maps(family):
            draft.put(
                NftSet(netns=router.netns, family="inet", table=draft.names.table, name=name, type=kind, data=data),
                router.path,
            )
        router.chains.add(PREROUTING, Slot.FLOATING, destinations(family))
        router.chains.add(POSTROUTING, Slot.FLOATING, sources(family))
        router.chains.add(POSTROUTING, Slot.HAIRPIN, (hairpin(family, address),))


def _put(draft: Draft, lead: Lead, way: Way) -> None:
    if way.forward is None:
        _element(draft, lead, way, FLOATING[lead.family], lead.address, way.fixed)
        return
    for ports in way.forward.ports:
        if way.forward.to is None and ports[0] != ports[1]:
            rule = forwarded(lead.family, lead.address, way.word, ports, way.fixed)
            lead.router.chains.add(PREROUTING, Slot.RANGES, (rule,))
            continue
        for port, to in _pairs(way.forward, ports):
            key = f"{lead.address} . {way.forward.protocol} . {port}"
            _element(draft, lead, way, FORWARDS[lead.family], key, f"{way.fixed} . {to}")


def _pairs(forward: Forward, ports: PortRange) -> Iterator[tuple[int, int]]:
    """Each port with the one that it becomes."""
    low, high = ports
    first, last = forward.to or ports
    step = 1 if last > first else 0
    return ((port, first + step * (port - low)) for port in range(low, high + 1))


def _element(draft: Draft, lead: Lead, way: Way, of: str, element: str, value: str) -> None:
    draft.put(
        NftElement(
            netns=lead.router.netns, family="inet", table=draft.names.table, set=of, element=element, value=value
        ),
        way.path,
    )


def _unreachable(lead: Lead) -> Route:
    cidr, metric = (f"{lead.address}/128", IPV6_METRIC) if lead.family == 6 else (f"{lead.address}/32", 0)
    return Route(netns=lead.router.netns, dst=cidr, type="unreachable", metric=metric)
