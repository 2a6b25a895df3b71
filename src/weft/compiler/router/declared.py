"""The routers that tenants declare: their legs.

Rules: subnets that one router joins are apart, or it could not tell them apart. A gateway's address is held by exactly
one router; any other names an address of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.addressing import AddressPool, Assigned, number_of, overlaps
from weft.compiler.draft import Draft
from weft.compiler.findings import dotted
from weft.compiler.naming import identity, plain_ifname, short_id
from weft.compiler.network import Segment
from weft.compiler.router.chains import RouterChains
from weft.compiler.router.external import ExternalPlace
from weft.compiler.router.gateway import OutsideKey, owner_words, router_id
from weft.compiler.router.namespace import compile_namespace
from weft.compiler.router.place import UPLINK, Leg, RouterPlace
from weft.compiler.routing import compile_route
from weft.model.intent import Intent, Path, RouteSpec
from weft.model.router import Router, RouterInterface
from weft.records import dataclass
from weft.state import netns_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What declared routers are made in: the networks of their tenants, external networks, and addresses there."""

    segments: Mapping[str, Mapping[str, Segment]]
    externals: Mapping[str, ExternalPlace]
    outside: Mapping[OutsideKey, str]


def compile_declared(draft: Draft, intent: Intent, around: Around) -> list[RouterPlace]:
    """Put all declared routers, but for what leads them out."""
    found = []
    for tenant, held in intent.tenants.items():
        for name, router in held.routers.items():
            place = _place(draft, tenant, held.was or tenant, name, router, around)
            if place is not None:
                compile_namespace(draft, place)
                _routes(draft, place, router)
                found.append(place)
    return found


def _place(
    draft: Draft, tenant: str, former_tenant: str, name: str, router: Router, around: Around
) -> RouterPlace | None:
    """A router with its legs; None where it is another's namesake."""
    path, former = ("tenants", tenant, "routers", name), router.was or name
    own_id = router_id(draft, former_tenant, former, router.id)
    netns = draft.names.router_netns(former_tenant, former)
    other = draft.held_by(netns_key(netns))
    if other is not None:
        what = f"its namespace {netns} is that of {dotted(other)}, which `uplink:` makes a router of that name for"
        draft.error(
            path,
            what if other[2] == "networks" else f"its namespace {netns} is that of {dotted(other)}",
            "another name for one of them",
        )
        return None
    if not draft.identify(own_id, path):
        return None
    draft.need("veth", path, "a router cannot do without")
    legs = tuple(_legs(draft, (tenant, name), own_id, router, around.segments.get(tenant, {}), path))
    _check_apart(draft, legs)
    external = around.externals.get(router.gateway.network) if router.gateway else None
    if external is not None:
        draft.need("ipv6", path, "a router without `gateway:` can do without")
    inside = {one.pool.family for leg in legs for one in leg.addresses}
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
        out_mtu=external.mtu if external else 0,
        external=external.name if external else "",
        pool={
            family: around.outside[tenant, name, family]
            for family in (4, 6)
            if external and (tenant, name, family) in around.outside
        },
        out=frozenset(inside & external.families) if external else frozenset(),
        chains=RouterChains(netns, path),
    )


def _legs(
    draft: Draft,
    router: tuple[str, str],
    router_id: str,
    spec: Router,
    segments: Mapping[str, Segment],
    path: Path,
) -> Iterator[Leg]:
    taken, joined = {UPLINK}, set[Path]()
    for at, interface in enumerate(spec.interfaces):
        where = (*path, "interfaces", str(at))
        segment = segments.get(interface.network or "")
        if segment is None:
            continue  # the loader has said so, or the network's own error
        if segment.shared is not None:
            what = f"the ports of {segment.name} stand on a link themselves (`mode:`), and a router needs a bridge"
            draft.error(where, what, "a network whose segment has no `mode`")
            continue
        if segment.path in joined:
            draft.error(where, f"network {segment.name} is an interface of this router already", "leave one out")
            continue
        joined.add(segment.path)
        own_id = identity(draft.names.scope, f"{router_id}/legs/{segment.former_tenant}/{segment.former}")
        ifname = segment.former if plain_ifname(segment.former) and segment.former not in taken else ""
        leg = Leg(
            segment=segment,
            id=own_id,
            ifname=ifname or f"wr{short_id(own_id)}",
            label=f"router-{router[1]}",
            addresses=tuple(_addresses(draft, router, segment, interface, where)),
            path=where,
        )
        taken.add(leg.ifname)
        yield leg


def _addresses(
    draft: Draft, router: tuple[str, str], segment: Segment, interface: RouterInterface, where: Path
) -> Iterator[Assigned]:
    """The gateways' addresses, or those that the interface names."""
    if not interface.address:
        for pool in segment.gateways:
            if pool.gateway is not None and _hold(draft, pool, pool.gateway, router, where):
                yield Assigned(pool, pool.gateway_text, pool.gateway)
        if not segment.gateways:
            what = f"network {segment.name} has {'no subnet with a gateway' if segment.pools else 'no subnet'}"
            draft.error(where, what, "`subnets: [10.0.0.0/24]`, or `{network: NAME, address: ADDRESS}`")
        return
    for at, address in enumerate(interface.address):
        family, number = number_of(address)
        found = next((pool for pool in segment.pools if pool.spans(family, number)), None)
        place = (*where, "address", str(at))
        if found is None:
            subnets = ", ".join(pool.cidr for pool in segment.pools) or "none"
            draft.error(place, f"{address} is in no subnet of network {segment.name}", f"its subnets: {subnets}")
        elif not found.first <= number <= found.last:
            what = f"{address} is no host's address in {found.cidr}"
            draft.error(place, what, f"one of {found.text(found.first)} to {found.text(found.last)}")
        elif _hold(draft, found, number, router, place):
            yield Assigned(found, address, number)


def _hold(draft: Draft, pool: AddressPool, number: int, router: tuple[str, str], where: Path) -> bool:
    """Take an address inside for a router; a finding where another one has it."""
    other = pool.holders.get(number)
    if other is None:
        pool.hold(number, f"{owner_words(*router)}'s")
        return True
    what = f"{pool.text(number)} is {other}"
    fix = "`{network: NAME, address: ADDRESS}`, or `{port: NAME}`: a gateway's address is held by one router"
    draft.error(where, what, fix)
    return False


def _check_apart(draft: Draft, legs: Sequence[Leg]) -> None:
    spans = [one.pool.span._replace(path=leg.path) for leg in legs for one in leg.subnets]
    names = {leg.path: leg.segment.name for leg in legs}
    for wide, narrow in overlaps(spans):
        if wide.path != narrow.path:
            what = f"{narrow.cidr} of {names[narrow.path]} overlaps {wide.cidr} of {names[wide.path]}"
            draft.error(narrow.path, f"{what}: one router cannot tell them apart", "prefixes apart, or two routers")


def _routes(draft: Draft, place: RouterPlace, router: Router) -> None:
    """Static routes, each by the leg that its next hop is on."""

    def towards(via: str | None) -> str | None:
        family, number = number_of(via or "0.0.0.0")
        on = (leg for leg in place.legs for one in leg.addresses if one.pool.spans(family, number))
        return next((leg.ifname for leg in on), None)

    for at, spec in enumerate(router.routes):
        path = (*place.path, "routes", str(at))
        if towards(spec.via) is None:
            subnets = ", ".join(one.pool.cidr for leg in place.legs for one in leg.subnets) or "none"
            draft.error(path, f"{spec.via} is on none of the router's networks", f"their subnets: {subnets}")
        else:
            compile_route(draft, place.netns, RouteSpec(to=spec.to, via=spec.via), path, towards)
