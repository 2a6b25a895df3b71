"""Addresses by which the host tells ports of a NAT network apart: each port's own, for its guarantee on the way out.

Rules: the router translates such an address to one of the pool that nobody else has, by an element of a map; the host
has a route to it. Nothing else of the router or of the network changes by that, so a port more moves no packet of
others. In the router itself the address is unreachable: what is no answer must not go back to the host in a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.compiler.addressing import number_of
from weft.compiler.draft import Draft
from weft.compiler.firewall import POOL_SETS
from weft.compiler.network import Segment
from weft.compiler.place import PortPlace
from weft.compiler.pools import TransitKey, Traveller
from weft.compiler.router.chains import POSTROUTING, Slot
from weft.compiler.router.namespace import route_back
from weft.compiler.router.place import UPLINK, RouterPlace
from weft.compiler.routing import IPV6_METRIC
from weft.kinds.ip.route import Route
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Path
from weft.state import HOST

TRANSIT_MAPS = {4: "ports4", 6: "ports6"}
"""In the router: from a port's address to the one of the pool that the host tells it by."""
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}


def travellers(segment: Segment, places: Iterable[PortPlace]) -> list[Traveller]:
    """The addresses of some of a network's ports, of each family that leads out."""
    families = {pool.family for pool in segment.gateways}
    return [
        Traveller(segment=segment, address=assigned.address, path=place.path)
        for place in places
        for assigned in place.addresses
        if assigned.pool.family in families
    ]


def compile_transit(
    draft: Draft, router: RouterPlace, travellers: Sequence[Traveller], given: Mapping[TransitKey, str]
) -> None:
    """Put the addresses of a router's ports that have one of their own. `given`: which."""
    table = draft.names.table
    router.chains.add(POSTROUTING, Slot.PORTS, [_snat_by_map(family) for family in router.pool])
    for family in router.pool:
        draft.put(
            NftSet(
                netns=router.netns,
                family="inet",
                table=table,
                name=TRANSIT_MAPS[family],
                type=_TYPES[family],
                data=_TYPES[family],
            ),
            router.path,
        )
    for one in travellers:
        to = given.get((one.segment.tenant, one.segment.name, one.address))
        if to is not None:
            _address(draft, router, one.address, to, one.path)


def _snat_by_map(family: int) -> str:
    word = "ip6" if family == 6 else "ip"
    return f'oifname "{UPLINK}" snat {word} to {word} saddr map @{TRANSIT_MAPS[family]}'


def _address(draft: Draft, router: RouterPlace, address: str, to: str, path: Path) -> None:
    family, _ = number_of(to)
    table = draft.names.table
    draft.put(
        NftElement(netns=router.netns, family="inet", table=table, set=TRANSIT_MAPS[family], element=address, value=to),
        path,
    )
    draft.put(NftElement(netns=HOST, family="inet", table=table, set=POOL_SETS[family], element=to), path)
    cidr, metric = (f"{to}/128", IPV6_METRIC) if family == 6 else (f"{to}/32", 0)
    draft.put(route_back(router, cidr), path)
    draft.put(Route(netns=router.netns, dst=cidr, type="unreachable", metric=metric), path)
