"""Addresses by which the host tells ports apart that a router translates: each port's own, for its guarantee on the
way out.

Rules: the router translates such an address to one of the pool that nobody else has, by an element of a map; the host
has a route to it. Nothing else of the router or of the network changes by that, so a port more moves no packet of
others. In the router itself the address is unreachable: what is no answer must not go back to the host in a loop.
What nobody outside may see the host translates once more: behind an uplink to its own address, behind a declared router
to the one that the router would have taken, wherever it goes, to the host itself too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.compiler.addressing import number_of
from weft.compiler.draft import Draft
from weft.compiler.firewall import POOL_SETS
from weft.compiler.place import PortPlace
from weft.compiler.pools import TransitKey, Traveller
from weft.compiler.router.chains import POSTROUTING, Chain, Slot, base_chain
from weft.compiler.router.external import ExternalPlace, put_routes
from weft.compiler.router.leaving import Leaving
from weft.compiler.router.namespace import route_back
from weft.compiler.router.place import UPLINK, RouterPlace
from weft.compiler.router.snat import sources_of
from weft.compiler.routing import IPV6_METRIC
from weft.kinds.ip.route import Route
from weft.kinds.nft.chain import IP
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import ADDRESS_TYPE, NftSet
from weft.kinds.nft.table import NftTable
from weft.model.intent import Intent, Path, Uplink
from weft.model.router import RouterGateway
from weft.records import dataclass
from weft.state import HOST

TRANSIT_MAPS = {4: "ports4", 6: "ports6"}
"""In the router: from a port's address to the one of the pool that the host tells it by."""
OUTSIDE_MAPS = {4: "outside4", 6: "outside6"}
"""On the host: from such an address to the one in an external network that the world sees."""

OUTSIDE = Chain("outside", "nat", "postrouting", POSTROUTING.priority - 1)
OUTSIDE_HERE = Chain("outside-here", "nat", "input", POSTROUTING.priority)
"""The one before what masquerades, the other for what the host itself is asked."""


def travelling(
    intent: Intent, routers: Sequence[RouterPlace], places: Iterable[PortPlace]
) -> dict[Path, list[Traveller]]:
    """The addresses of some ports by the router that translates them, of each family that leads out."""
    found: dict[Path, list[Traveller]] = {}
    leaving = Leaving(routers)
    for place in places:
        for router, address in leaving.ways(place):
            if number_of(address)[0] in router.pool and _translates(intent, router):
                found.setdefault(router.path, []).append(_traveller(place, router, address))
    return found


def _translates(intent: Intent, router: RouterPlace) -> bool:
    """Whether the router gives what it leads out another source."""
    if router.uplink is not None:
        return router.uplink is Uplink.NAT
    gateway = intent.tenants[router.tenant].routers[router.name].gateway
    return gateway is not None and gateway.translates


def _traveller(place: PortPlace, router: RouterPlace, address: str) -> Traveller:
    return Traveller(
        network=place.network,
        router=(router.tenant, router.name),
        former=(router.former_tenant, router.former),
        address=address,
        path=place.path,
    )


def compile_transit(
    draft: Draft,
    router: RouterPlace,
    travellers: Sequence[Traveller],
    given: Mapping[TransitKey, str],
    outside: Outside | None = None,
) -> None:
    """Put the addresses of a router's ports that have one of their own. `given`: which; `outside`: where a declared
    router leads to."""
    table = draft.names.table
    router.chains.add(POSTROUTING, Slot.PORTS, [_snat_by_map(family) for family in router.pool])
    for family in router.pool:
        draft.put(
            NftSet(
                netns=router.netns,
                family="inet",
                table=table,
                name=TRANSIT_MAPS[family],
                type=ADDRESS_TYPE[family],
                data=ADDRESS_TYPE[family],
            ),
            router.path,
        )
    for one in travellers:
        to = given.get(one.key)
        if to is None:
            continue
        _address(draft, router, one.address, to, one.path)
        if outside is None:
            _masqueraded(draft, router, to, one.path)
        else:
            _seen_outside(draft, router, outside, one, to)


def _snat_by_map(family: int) -> str:
    word = IP[family]
    return f'oifname "{UPLINK}" snat {word} to {word} saddr map @{TRANSIT_MAPS[family]}'


def _address(draft: Draft, router: RouterPlace, address: str, to: str, path: Path) -> None:
    family, _ = number_of(to)
    table = draft.names.table
    draft.put(
        NftElement(netns=router.netns, family="inet", table=table, set=TRANSIT_MAPS[family], element=address, value=to),
        path,
    )
    metric = IPV6_METRIC if family == 6 else 0
    draft.put(Route(netns=router.netns, dst=_cidr(to), type="unreachable", metric=metric), path)


def _cidr(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _masqueraded(draft: Draft, router: RouterPlace, to: str, path: Path) -> None:
    family, _ = number_of(to)
    held = NftElement(netns=HOST, family="inet", table=draft.names.table, set=POOL_SETS[family], element=to)
    draft.put(held, path)
    draft.put(route_back(router, _cidr(to)), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Where a declared router leads to. `gateway`: as its tenant asks for it."""

    external: ExternalPlace
    gateway: RouterGateway


def _seen_outside(draft: Draft, router: RouterPlace, outside: Outside, one: Traveller, to: str) -> None:
    """Have what the router would have translated to an address outside translated to that by the host. Of a pool the
    port's address tells which, so that it stays the same."""
    family, number = number_of(one.address)
    sources = sources_of(router, outside.gateway, outside.external, family)
    source = sources[number % len(sources)]
    table = draft.names.table
    draft.put(
        NftElement(netns=HOST, family="inet", table=table, set=OUTSIDE_MAPS[family], element=to, value=source), one.path
    )
    put_routes(draft, router, outside.external, _cidr(to), one.path)


def compile_outside(draft: Draft, path: Path) -> None:
    """Put what translates such addresses on the host: rules that never change."""
    table = draft.names.table
    draft.share(NftTable(netns=HOST, family="inet", name=table), path)
    for family, name in OUTSIDE_MAPS.items():
        kind = ADDRESS_TYPE[family]
        draft.put(NftSet(netns=HOST, family="inet", table=table, name=name, type=kind, data=kind), path)
    rules = tuple(f"snat {IP[family]} to {IP[family]} saddr map @{name}" for family, name in OUTSIDE_MAPS.items())
    for chain in (OUTSIDE, OUTSIDE_HERE):
        draft.put(base_chain(HOST, table, chain, rules), path)
