"""The router that `uplink:` is short for: one leg on its network, and the host's own way out.

Rules: the router holds every gateway address of its network. Translation is done twice: here to the network's pool
address, on the host to the host's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.compiler.addressing import AddressPool, Assigned
from weft.compiler.draft import Draft
from weft.compiler.naming import plain_ifname, short_id
from weft.compiler.network import NetworkPlace
from weft.compiler.pools import PoolKey, families
from weft.compiler.router.chains import POSTROUTING, RouterChains, Slot
from weft.compiler.router.namespace import compile_namespace, outside_address, route_back
from weft.compiler.router.place import UPLINK, Leg, RouterPlace, gateway_id
from weft.model.intent import Uplink


def compile_uplink(draft: Draft, segment: NetworkPlace, pools: Mapping[PoolKey, str]) -> RouterPlace | None:
    """Put the router of a network; None where it can have none."""
    if not segment.gateways:
        what = "no subnet" if not segment.pools else "no subnet with a gateway"
        draft.error((*segment.path, "uplink"), f"the network has {what} to lead out", "`subnets: [10.0.0.0/24]`")
        return None
    for feature in ("ipv6", "veth"):
        draft.need(feature, segment.path, "`uplink:` cannot do without")
    place = _place(draft, segment, pools)
    compile_namespace(draft, place)
    if segment.uplink is Uplink.NAT:
        _translation(draft, place)
    else:
        for pool in segment.gateways:
            draft.put(route_back(place, pool.cidr), place.path)
    return place


def _place(draft: Draft, segment: NetworkPlace, pools: Mapping[PoolKey, str]) -> RouterPlace:
    own_id = gateway_id(draft.names.scope, segment)
    keys = ((family, (segment.tenant, segment.name, family)) for family in families(segment))
    netns = draft.names.router_netns(segment.former_tenant, segment.former)
    return RouterPlace(
        tenant=segment.tenant,
        name=segment.name,
        former_tenant=segment.former_tenant,
        former=segment.former,
        path=segment.path,
        id=own_id,
        netns=netns,
        mark=draft.names.mark(f"tenants/{segment.tenant}/routers/{segment.name}"),
        legs=(_leg(segment, own_id),),
        transit=f"wu{short_id(own_id)}",
        out_mtu=segment.out_mtu,
        uplink=segment.uplink,
        pool={family: pools[key] for family, key in keys if key in pools},
        out=frozenset(families(segment)),
        chains=RouterChains(netns, segment.path),
    )


def _leg(segment: NetworkPlace, own_id: str) -> Leg:
    for pool in segment.gateways:
        assert pool.gateway is not None
        pool.hold(pool.gateway, f"the gateway of {pool.cidr}")
    return Leg(
        segment=segment,
        id=own_id,
        ifname=segment.former if plain_ifname(segment.former) and segment.former != UPLINK else "leg0",
        label=f"router-{segment.name}",
        addresses=tuple(Assigned(pool, pool.gateway_text, pool.gateway or 0) for pool in segment.gateways),
        path=segment.path,
        pools=segment.gateways,
    )


def _translation(draft: Draft, place: RouterPlace) -> None:
    """The pool addresses, the host's routes to them, and the router's own translation."""
    for address in place.pool.values():
        draft.put(held := outside_address(place, address), place.path)
        draft.put(route_back(place, held.cidr), place.path)
    subnets = (pool for segment in place.segments for pool in segment.gateways if pool.family in place.pool)
    rules = [_snat(pool, place.pool[pool.family]) for pool in subnets]
    place.chains.add(POSTROUTING, Slot.ROUTER, rules)


def _snat(pool: AddressPool, to: str) -> str:
    word = "ip6" if pool.family == 6 else "ip"
    one = pool.network.prefixlen == pool.network.max_prefixlen
    source = str(pool.network.network_address) if one else pool.cidr
    return f'{word} saddr {source} oifname "{UPLINK}" snat {word} to {to}'
