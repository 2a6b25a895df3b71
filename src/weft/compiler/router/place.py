"""A router as everybody else sees it: where it is, its legs, and how it leads out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from weft.compiler.addressing import AddressPool, Assigned
from weft.compiler.naming import identity, short_id
from weft.compiler.network import NetworkPlace
from weft.compiler.router.chains import RouterChains
from weft.model.intent import Path, Uplink
from weft.records import dataclass
from weft.state import Key, link_key

HOST_END = "fe80::1"
ROUTER_END = "fe80::2"
TRANSIT_PREFIX = 64
UPLINK = "uplink"
"""The router's end of its transit link."""


def gateway_id(scope: str, network: NetworkPlace) -> str:
    """What the names and MACs of a network's gateway come from, whichever router holds it: its ports go on to know it
    when another one does."""
    return identity(scope, f"tenants/{network.former_tenant}/routers/{network.former}")


_NONE: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A router on one network. `id`: what its names and MACs come from; `ifname`: its name in the router; `label`: what
    its end on the bridge is also called; `addresses`: the router's there; `path`: the intent that asks for it. `port`:
    the port that it is, "" where the leg is the router's own: a port makes its links and addresses itself. `pools`: the
    subnets that the router is in by it."""

    network: NetworkPlace
    id: str
    ifname: str
    label: str
    addresses: tuple[Assigned, ...]
    path: Path
    port: str = ""
    pools: tuple[AddressPool, ...]

    @property
    def on_bridge(self) -> Key:
        return link_key(self.network.netns, f"wr{short_id(self.id)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPlace:
    """A router with all that was derived for it. `name`: its own, or the network's whose `uplink:` it is. `transit`:
    its link on the host, "" where it does not lead out; `out_mtu`: what that carries. `uplink`: None for a declared
    one. `external`: the external network that it leads to. `pool`: family -> its address for the host, or in the
    external network. `out`: the families that lead out. `chains`: where whoever has rules for it puts them."""

    tenant: str
    name: str
    former_tenant: str
    former: str
    path: Path
    id: str
    netns: str
    mark: str
    legs: tuple[Leg, ...]
    transit: str = ""
    out_mtu: int = 0
    uplink: Uplink | None = None
    external: str = ""
    pool: Mapping[int, str] = field(default_factory=lambda: _NONE)
    out: frozenset[int] = frozenset()
    chains: RouterChains

    @property
    def networks(self) -> tuple[NetworkPlace, ...]:
        return tuple(leg.network for leg in self.legs)

    @property
    def narrows(self) -> bool:
        """Whether what comes in by one of its links may be too large for another."""
        mtus = {network.mtu for network in self.networks} | ({self.out_mtu} if self.transit else set())
        return len(mtus) > 1

    def gates(self, assigned: Assigned) -> bool | None:
        """Whether it has the gateway's address in an address's subnet; None where it is not there at all. What a port
        has that is a router's interface is the port's own."""
        legs = [leg for leg in self.legs if any(pool is assigned.pool for pool in leg.pools)]
        held = (one for leg in legs for one in leg.addresses if one.pool is assigned.pool)
        return any(one.number == assigned.pool.gateway for one in held) if legs else None

    def leg(self, leg: Leg) -> Key:
        """The leg's end in the router."""
        return link_key(self.netns, leg.ifname)
