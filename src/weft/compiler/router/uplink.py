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


def compile_uplink(draft: Draft, network: NetworkPlace, pools: Mapping[PoolKey, str]) -> RouterPlace | None:
    """Put the router of a network; None where it can have none."""
    if not network.gateways:
        what = "no subnet" if not network.pools else "no subnet with a gateway"
        draft.error((*network.path, "uplink"), f"the network has {what} to lead out", "`subnets: [10.0.0.0/24]`")
        return None
    for feature in ("ipv6", "veth"):
        draft.need(feature, network.path, "`uplink:` cannot do without")
    place = _place(draft, network, pools)
    compile_namespace(draft, place)
    if network.uplink is Uplink.NAT:
        _translation(draft, place)
    else:
        for pool in network.gateways:
            draft.put(route_back(place, pool.cidr), place.path)
    return place


def _place(draft: Draft, network: NetworkPlace, pools: Mapping[PoolKey, str]) -> RouterPlace:
    own_id = gateway_id(draft.names.scope, network)
    keys = ((family, (network.tenant, network.name, family)) for family in families(network))
    netns = draft.names.router_netns(network.former_tenant, network.former)
    return RouterPlace(
        tenant=network.tenant,
        name=network.name,
        former_tenant=network.former_tenant,
        former=network.former,
        path=network.path,
        id=own_id,
        netns=netns,
        mark=draft.names.mark(f"tenants/{network.tenant}/routers/{network.name}"),
        legs=(_leg(network, own_id),),
        transit=f"wu{short_id(own_id)}",
        out_mtu=network.out_mtu,
        uplink=network.uplink,
        pool={family: pools[key] for family, key in keys if key in pools},
        out=frozenset(families(network)),
        chains=RouterChains(netns, network.path),
    )


def _leg(network: NetworkPlace, own_id: str) -> Leg:
    for pool in network.gateways:
        assert pool.gateway is not None
        pool.hold(pool.gateway, f"the gateway of {pool.cidr}")
    return Leg(
        network=network,
        id=own_id,
        ifname=network.former if plain_ifname(network.former) and network.former != UPLINK else "leg0",
        label=f"router-{network.name}",
        addresses=tuple(Assigned(pool, pool.gateway_text, pool.gateway or 0) for pool in network.gateways),
        path=network.path,
        pools=network.gateways,
    )


def _translation(draft: Draft, place: RouterPlace) -> None:
    """The pool addresses, the host's routes to them, and the router's own translation."""
    for address in place.pool.values():
        draft.put(held := outside_address(place, address), place.path)
        draft.put(route_back(place, held.cidr), place.path)
    subnets = (pool for network in place.networks for pool in network.gateways if pool.family in place.pool)
    rules = [_snat(pool, place.pool[pool.family]) for pool in subnets]
    place.chains.add(POSTROUTING, Slot.ROUTER, rules)


def _snat(pool: AddressPool, to: str) -> str:
    word = "ip6" if pool.family == 6 else "ip"
    one = pool.network.prefixlen == pool.network.max_prefixlen
    source = str(pool.network.network_address) if one else pool.cidr
    return f'{word} saddr {source} oifname "{UPLINK}" snat {word} to {to}'
