"""Which networks have a router, and what their ways out carry: told from the intent alone, before any network is made.

Rules: a router that has a network as an interface by name alone, or is short for `uplink:`, is the gateway of each of
its subnets. Where there is none such, a router that names its address in a subnet is that subnet's gateway, if it is
the only one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.draft import Draft
from weft.compiler.links.ahead import MtuAhead
from weft.compiler.links.declared import Declared
from weft.compiler.links.ways import Ways
from weft.compiler.network import Way, egress_mtu
from weft.compiler.router.external import external_mtu
from weft.model.intent import Intent, Network, Tenant
from weft.model.sharing import NetworkKey


def ways_of(draft: Draft, intent: Intent, declared: Declared) -> Mapping[NetworkKey, Way]:
    """Of every network of the intent. `declared`: the links that it speaks of."""
    path_mtu = egress_mtu(intent, draft)
    found = {
        (tenant, name): Way(is_routed=network.uplink is not None, mtu=path_mtu if network.uplink else None)
        for tenant, name, network in _networks(intent)
    }
    ahead = MtuAhead(draft, declared, Ways(draft, declared))
    for tenant, held in intent.tenants.items():
        _by_routers(ahead, intent, tenant, held, found)
    return found


def _networks(intent: Intent) -> Iterator[tuple[str, str, Network]]:
    for tenant, held in intent.tenants.items():
        for name, network in held.networks.items():
            yield tenant, name, network


def _by_routers(ahead: MtuAhead, intent: Intent, tenant: str, held: Tenant, ways: Mapping[NetworkKey, Way]) -> None:
    for router in held.routers.values():
        external = intent.external_networks.get(router.gateway.network) if router.gateway else None
        mtu = external_mtu(ahead, external.link) if external else None
        for interface in router.interfaces:
            way = ways.get((tenant, interface.network or ""))
            if way is None:
                continue
            way.narrow(mtu)
            way.named += interface.address
            way.is_routed = way.is_routed or not interface.address
