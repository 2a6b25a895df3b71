"""Routers that a tenant declares, and the networks outside that they may lead to.

Rules: as intent.py. An external network is the whole file's; a router names it, and networks and ports of its tenant.
"""

from __future__ import annotations

from weft.model import words as w
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSubnet:
    """`gateway`: the next hop to all that is not in `cidr`; None: there is none. `pools`: what addresses are taken from
    where nobody says which, `FIRST-LAST`; none: all of the subnet."""

    cidr: w.Cidr
    gateway: w.Address | None = None
    pools: tuple[w.AddressRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalNetwork:
    """What lies behind a link of the host's. `link`: any link there, weft's or somebody else's."""

    link: w.Ifname
    subnets: tuple[ExternalSubnet, ...]
    id: w.Uuid | None = None
    was: w.Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterInterface:
    """Exactly one of `network` and `port`. `address`: what the router has there, at most one in each subnet; none: the
    gateways of the network's subnets."""

    network: w.Name | None = None
    address: tuple[w.Address, ...] = ()
    port: w.PortName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterGateway:
    """The way out. `network`: an external one. `addresses`: the router's own there, at most one of each family; of a
    family without: the one held, else the lowest free. `snat`: "true", "false", or the addresses and ranges of them
    that the tenant's sources are translated to."""

    network: w.Name
    addresses: tuple[w.Address, ...] = ()
    snat: tuple[w.Snat, ...] = ("true",)

    @property
    def translates(self) -> bool:
        return self.snat != ("false",)

    @property
    def pool(self) -> tuple[str, ...]:
        """What sources are translated to where that is not the router's own address."""
        return tuple(word for word in self.snat if word not in ("true", "false"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterRoute:
    """`to`: a prefix, or "default" (of via's family). `via`: on one of the router's networks."""

    to: w.Destination
    via: w.Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    interfaces: tuple[RouterInterface, ...] = ()
    gateway: RouterGateway | None = None
    routes: tuple[RouterRoute, ...] = ()
    id: w.Uuid | None = None
    was: w.Name | None = None
