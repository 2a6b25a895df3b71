"""Tenants, networks, ports, routers and links as the machine has them, in the words of the intent: what is drawn.

Rules: plain data. Counters and rates are seen from what the object belongs to: `received` by a port is what came to its
guest, whichever end of the pair the kernel counted it at.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from weft.records import dataclass


class Condition(StrEnum):
    """MISSING: at least one of its links is not there. DOWN: at least one is not up. CHANGED: something of it is not as
    asked. NO_CARRIER: nobody at the other side, as of a tap that no machine has opened."""

    UP = "up"
    NO_CARRIER = "no-carrier"
    CHANGED = "changed"
    DOWN = "down"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One direction since the link was made. Rates are None until there were two readings. `lost`: packets dropped or
    broken."""

    bytes: int
    packets: int
    lost: int
    rate_bps: float | None = None
    rate_pps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    received: Flow
    sent: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """`attach`: netns, tap, host, pidfile or router. `netns`: the label of the namespace it ends in, "" for the host's.
    `ifname`: its name there. `addresses` as the kernel has them; a tap's are those reserved for its guest. `floating`:
    the floating IPs that lead to it, of a forward with protocol and ports: `203.0.113.11 tcp/2222`."""

    name: str
    condition: Condition
    attach: str
    netns: str
    ifname: str
    mac: str
    mtu: int | None
    addresses: tuple[str, ...]
    floating: tuple[str, ...] = ()
    traffic: Traffic | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkView:
    """`bridge`: the ifname in the tenant's namespace. `uplink`: nat, routed, or "" for none. `segment`: what it
    stands on outside of the tenant, as `on vlan 5 of eth1`, "" for nothing."""

    name: str
    condition: Condition
    bridge: str
    mtu: int | None
    subnets: tuple[str, ...]
    uplink: str
    ports: tuple[PortView, ...]
    segment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterView:
    """`networks`: those it joins. `uplink`: nat, routed, or "". `external`: the external network that it leads to, or
    "". `transit`: the ifname of its link on the host.
    `addresses`: its own in the networks, the gateways'. `outside`: what the host knows it by. `traffic`: between it and
    the host; received is what came in from there."""

    name: str
    condition: Condition
    netns: str
    networks: tuple[str, ...]
    uplink: str
    transit: str
    addresses: tuple[str, ...]
    outside: tuple[str, ...]
    external: str = ""
    traffic: Traffic | None = None

    @property
    def leads(self) -> str:
        """How it leads out, or where to; "" for not at all."""
        return self.uplink or self.external


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantView:
    name: str
    condition: Condition
    netns: str
    networks: tuple[NetworkView, ...]
    routers: tuple[RouterView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """A link outside any tenant. `kind` as the file or the kernel says, "" for hardware. `existing`: somebody else's.
    `egress`: the host's default route leads out by it. `externals`: the external networks behind it. `master`: the
    link that it is a port of; `below`: the one that it stands on, "" for none. `about`: what tells it from others
    of its kind: a VLAN's id, a VNI, a mode, a table."""

    name: str
    condition: Condition
    kind: str
    existing: bool
    egress: bool
    mac: str
    mtu: int | None
    addresses: tuple[str, ...]
    master: str = ""
    below: str = ""
    about: str = ""
    externals: tuple[str, ...] = ()
    traffic: Traffic | None = None

    @property
    def leads_out(self) -> bool:
        return self.egress or bool(self.externals)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceView:
    """The host's namespace (`netns` "") or a named one, with the links that the file speaks of there, and the host's
    ways out."""

    netns: str
    links: tuple[LinkView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    scope: str
    tenants: tuple[TenantView, ...]
    host: SpaceView
    namespaces: tuple[SpaceView, ...] = ()

    def ways_out(self, router: RouterView) -> Iterator[LinkView]:
        """The host's links that a router leads out by."""
        for link in self.host.links:
            if (router.uplink and link.egress) or (router.external and router.external in link.externals):
                yield link

    def conditions(self) -> Iterator[Condition]:
        """Of everything."""
        for tenant in self.tenants:
            yield tenant.condition
            yield from (router.condition for router in tenant.routers)
            for network in tenant.networks:
                yield network.condition
                yield from (port.condition for port in network.ports)
        for space in (self.host, *self.namespaces):
            yield from (link.condition for link in space.links)
