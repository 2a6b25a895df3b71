"""The routers that tenants declare: their legs.

Rules: subnets that one router joins are apart, or it could not tell them apart. A gateway's address is held by exactly
one router; any other names an address of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.addressing import LINK_LOCAL, AddressPool, Assigned, Span, had_by_none, nobodys, number_of, overlaps
from weft.compiler.draft import Draft
from weft.compiler.findings import dotted
from weft.compiler.naming import identity, plain_ifname, short_id
from weft.compiler.network import MIN_IPV6_MTU, NetworkPlace
from weft.compiler.prefixes import Prefixes
from weft.compiler.router.chains import RouterChains
from weft.compiler.router.external import ExternalPlace
from weft.compiler.router.gateway import OutsideKey, owner_words, router_id
from weft.compiler.router.namespace import compile_namespace
from weft.compiler.router.place import UPLINK, Leg, RouterPlace, gateway_id
from weft.compiler.router.ports import port_ifname, subnets
from weft.compiler.routing import DEFAULTS, compile_route, destination, is_ipv6
from weft.model.intent import Intent, Path, Port, RouteSpec, Tenant
from weft.model.router import Router, RouterInterface, RouterRoute
from weft.records import dataclass
from weft.state import netns_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What declared routers are made in: the networks of their tenants, external networks, and addresses there."""

    networks: Mapping[str, Mapping[str, NetworkPlace]]
    externals: Mapping[str, ExternalPlace]
    outside: Mapping[OutsideKey, str]


def compile_declared(draft: Draft, intent: Intent, around: Around) -> list[RouterPlace]:
    """Put all declared routers, but for what leads them out."""
    found = []
    for tenant, held in intent.tenants.items():
        for name, router in held.routers.items():
            place = _place(draft, tenant, held, name, router, around)
            if place is not None:
                compile_namespace(draft, place)
                _routes(draft, place, router)
                found.append(place)
    return found


def _place(draft: Draft, tenant: str, held: Tenant, name: str, router: Router, around: Around) -> RouterPlace | None:
    """A router with its legs; None where it is another's namesake."""
    path, former, former_tenant = ("tenants", tenant, "routers", name), router.was or name, held.was or tenant
    own_id = router_id(draft, former_tenant, former, router.id)
    netns = draft.names.router_netns(former_tenant, former)
    if _is_namesake(draft, netns, path) or not draft.identify(own_id, path):
        return None
    draft.need("veth", path, "a router cannot do without")
    networks, owner = around.networks.get(tenant, {}), owner_words(tenant, name)
    legs = tuple(_legs(draft, owner, own_id, router, held, networks, path))
    external = around.externals.get(router.gateway.network) if router.gateway else None
    _check_apart(draft, legs, external)
    if external is not None:
        draft.need("ipv6", path, "a router without `gateway:` can do without")
        for leg in legs:
            leg.network.way_out = name
    inside = {pool.family for leg in legs for pool in leg.pools}
    pool = ((family, around.outside.get((tenant, name, family))) for family in (4, 6) if external)
    return RouterPlace(
        tenant=tenant,
        name=name,
        former_tenant=former_tenant,
        former=former,
        path=path,
        id=own_id,
        netns=netns,
        mark=draft.names.mark("/".join(path)),
        legs=legs,
        transit=f"wu{short_id(own_id)}" if external else "",
        out_mtu=_out_mtu(external.mtu, legs) if external else 0,
        external=external.name if external else "",
        pool={family: address for family, address in pool if address is not None},
        out=frozenset(inside & external.families) if external else frozenset(),
        chains=RouterChains(netns, path),
    )


def _is_namesake(draft: Draft, netns: str, path: Path) -> bool:
    """Find a router whose namespace is somebody's already."""
    other = draft.held_by(netns_key(netns))
    if other is None:
        return False
    what = f"its namespace {netns} is that of {dotted(other)}"
    what += ", which `uplink:` makes a router of that name for" if other[2] == "networks" else ""
    draft.error(path, what, "another name for one of them")
    return True


def _out_mtu(external_mtu: int, legs: Sequence[Leg]) -> int:
    """What the transit link carries, in bytes: no more than the legs, and never too little for its own IPv6."""
    return max(MIN_IPV6_MTU, min(external_mtu, max((leg.network.mtu for leg in legs), default=external_mtu)))


def _legs(
    draft: Draft,
    owner: str,
    router_id: str,
    spec: Router,
    tenant: Tenant,
    networks: Mapping[str, NetworkPlace],
    path: Path,
) -> Iterator[Leg]:
    taken, joined = {UPLINK}, set[Path]()
    for at, interface in enumerate(spec.interfaces):
        where, port = (*path, "interfaces", str(at)), tenant.ports.get(interface.port or "")
        network = networks.get(port.network if port else interface.network or "")
        if network is None or not _can_join(draft, network, joined, where):
            continue  # the loader has said so, or the network's own error
        joined.add(network.path)
        if port is not None and interface.port is not None:
            leg: Leg | None = _by_port(draft, network, interface.port, port, where)
        else:
            leg = _by_network(draft, owner, router_id, network, interface, taken, where)
        if leg is not None:
            taken.add(leg.ifname)
            yield leg


def _can_join(draft: Draft, network: NetworkPlace, joined: set[Path], where: Path) -> bool:
    if network.shared is not None:
        what = f"the ports of {network.name} stand on a link themselves (`mode:`), and a router needs a bridge"
        draft.error(where, what, "a network whose segment has no `mode`")
    elif network.path in joined:
        draft.error(where, f"network {network.name} is an interface of this router already", "leave one of them out")
    else:
        return True
    return False


def _by_port(draft: Draft, network: NetworkPlace, name: str, port: Port, where: Path) -> Leg:
    former = port.was or name
    return Leg(
        network=network,
        id="",
        ifname=port_ifname(draft.names.scope, network, former, port),
        label="",
        addresses=(),
        path=where,
        port=name,
        pools=subnets(network, port),
    )


def _by_network(
    draft: Draft, owner: str, router_id: str, network: NetworkPlace, spec: RouterInterface, taken: set[str], where: Path
) -> Leg | None:
    """The leg, None where it has no address. The gateway of a network has one MAC, whichever router it is."""
    addresses = tuple(_addresses(draft, owner, network, spec, where))
    if not addresses:
        return None
    place = f"{router_id}/legs/{network.former_tenant}/{network.former}"
    own_id = identity(draft.names.scope, place) if spec.address else gateway_id(draft.names.scope, network)
    is_plain = plain_ifname(network.former) and network.former not in taken
    return Leg(
        network=network,
        id=own_id,
        ifname=network.former if is_plain else f"wr{short_id(own_id)}",
        label=f"router-{where[3]}",
        addresses=addresses,
        path=where,
        pools=tuple({id(one.pool): one.pool for one in addresses}.values()),
    )


def _addresses(
    draft: Draft, owner: str, network: NetworkPlace, interface: RouterInterface, where: Path
) -> Iterator[Assigned]:
    """The gateways' addresses, or those that the interface names."""
    if not interface.address:
        for pool in network.gateways:
            if pool.gateway is not None and _hold(draft, pool, pool.gateway, owner, where):
                yield Assigned(pool, pool.gateway_text, pool.gateway)
        if not network.gateways:
            what = f"network {network.name} has {'no subnet with a gateway' if network.pools else 'no subnet'}"
            draft.error(where, what, "`subnets: [10.0.0.0/24]`, or `{network: NAME, address: ADDRESS}`")
        return
    for at, address in enumerate(interface.address):
        family, number = number_of(address)
        found = next((pool for pool in network.pools if pool.spans(family, number)), None)
        place = (*where, "address", str(at))
        if found is None:
            subnets = ", ".join(pool.cidr for pool in network.pools) or "none"
            draft.error(place, f"{address} is in no subnet of network {network.name}", f"its subnets: {subnets}")
        elif wrong := found.no_hosts(number):
            draft.error(place, *wrong)
        elif _hold(draft, found, number, owner, place):
            found.named[number] = place
            yield Assigned(found, address, number)


def _hold(draft: Draft, pool: AddressPool, number: int, owner: str, where: Path) -> bool:
    """Take an address inside for a router; a finding where another one has it."""
    other = pool.holders.get(number)
    if other is None:
        pool.hold(number, f"{owner}'s")
        return True
    what = f"{pool.text(number)} is {other}"
    fix = "`{network: NAME, address: ADDRESS}`, or `{port: NAME}`: a gateway's address is held by one router"
    draft.error(where, what, fix)
    return False


def _check_apart(draft: Draft, legs: Sequence[Leg], external: ExternalPlace | None) -> None:
    """What a router joins and what it leads to are apart, or it could not tell them apart."""
    spans = [pool.span._replace(path=leg.path) for leg in legs for pool in leg.pools]
    names = {leg.path: leg.network.name for leg in legs}
    for wide, narrow in overlaps(spans):
        if wide.path != narrow.path:
            what = f"{narrow.cidr} of {names[narrow.path]} overlaps {wide.cidr} of {names[wide.path]}"
            draft.error(narrow.path, f"{what}: one router cannot tell them apart", "prefixes apart, or two routers")
    for outside in external.pools if external else ():
        for span in filter(outside.span.meets, spans):
            what = f"{span.cidr} of {names[span.path]} overlaps {outside.cidr} of external network {external.name}"  # type: ignore[union-attr]
            draft.error(span.path, f"{what}: one router cannot tell them apart", "another prefix for the network")


class _Near:
    """What a router is on: its subnets with their legs, and its own addresses there."""

    def __init__(self, place: RouterPlace) -> None:
        self.subnets = {pool.cidr: (leg, pool) for leg in place.legs for pool in leg.pools}
        self.own = frozenset(held.address for leg in place.legs for held in leg.addresses)
        self._prefixes = Prefixes((cidr, cidr) for cidr in self.subnets)

    def at(self, address: str) -> tuple[Leg, AddressPool] | None:
        """The leg and the subnet that an address is on."""
        cidr = self._prefixes.find(address)
        return None if cidr is None else self.subnets[cidr]

    def towards(self, via: str | None) -> str | None:
        """The link that leads to a next hop."""
        found = self.at(via) if via is not None else None
        return found[0].ifname if found else None


def _routes(draft: Draft, place: RouterPlace, router: Router) -> None:
    """Static routes, each by the leg that its next hop is on."""
    near, known = _Near(place), dict[str, Path]()
    for at, spec in enumerate(router.routes):
        path, said = (*place.path, "routes", str(at)), RouteSpec(to=spec.to, via=spec.via)
        other = known.setdefault(destination(said), path)
        if other is not path:
            draft.error(path, f"{dotted(other)} says where {spec.to} leads", "leave one of them out")
        elif near.at(spec.via) is None:
            there = ", ".join(near.subnets) or "none"
            draft.error(path, f"{spec.via} is on none of the router's networks", f"their subnets: {there}")
        elif destination(said) in DEFAULTS.values() and (6 if is_ipv6(destination(said)) else 4) in place.out:
            draft.error(path, "the router leads out by its gateway", "leave out this route, or `gateway:`")
        elif found := _leads_nowhere(near, spec, Span.of(destination(said))):
            draft.error(path, *found)
        else:
            compile_route(draft, place.netns, said, path, near.towards)


def _leads_nowhere(near: _Near, spec: RouterRoute, to: Span) -> tuple[str, str] | None:
    """What is wrong with a route of which the kernel would make nothing, and what would be right."""
    if wrong := had_by_none(to) or (nobodys(to) if LINK_LOCAL.holds(to) else ""):
        return wrong, "leave out this route"
    if spec.to in near.subnets:
        leg, _ = near.subnets[spec.to]
        return f"{spec.to} is network {leg.network.name}, which the router is on", "leave out this route"
    if spec.via in near.own:
        return f"{spec.via} is the router's own", "the address of who leads on, in the same network"
    found = near.at(spec.via)
    return found[1].no_hosts(number_of(spec.via)[1]) if found else None
