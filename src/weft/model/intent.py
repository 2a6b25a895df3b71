"""What people declare, as pure data. The logical words are Neutron's, the host's are iproute2's.

Rules: no field here knows of a file, a kernel or a name that weft derives. Strings are already in canonical form (the
loader sees to it): addresses as ipaddress prints them, MACs in lower case with colons, cidr with host bits zero in
a subnet. Mappings keep the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

_NONE: Mapping[str, Any] = MappingProxyType({})


class Uplink(Enum):
    NAT = "nat"
    ROUTED = "routed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """`cidr` of either family. `gateway`: None lets weft take the first usable address where the network has a router;
    "" means that there shall be none."""

    cidr: str
    gateway: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapAttach:
    """`name` the ifname in the host's namespace, by default the port's. `owner`, `group`: user and group, by name or
    number, that may open it. `queues` above 1 makes it multi-queue."""

    name: str | None = None
    owner: str | None = None
    group: str | None = None
    queues: int = 1
    vnet_hdr: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Where a port ends: exactly one of `netns` (a name under /run/netns, made if it is not there), `tap`, `host`,
    `pidfile` (the namespace of the process whose id the file holds). `ifname`: its name there, else the port's."""

    netns: str | None = None
    tap: TapAttach | None = None
    host: bool = False
    pidfile: str | None = None
    ifname: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offloads:
    """Whether the link shall have each, None to leave it. Source: ethtool(8)."""

    tso: bool | None = None
    gso: bool | None = None
    gro: bool | None = None
    checksum: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTuning:
    """Sizes in bytes. Source: ip-link(8)."""

    gso_max_size: int | None = None
    gso_max_segs: int | None = None
    gro_max_size: int | None = None
    offloads: Offloads | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """`to`: a prefix, or "default" (of via's family). `via` may be of the other family. `mtu`, `advmss` bytes."""

    to: str
    via: str | None = None
    dev: str | None = None
    table: int = 254
    metric: int | None = None
    onlink: bool = False
    type: str = "unicast"
    src: str | None = None
    mtu: int | None = None
    advmss: int | None = None
    initcwnd: int | None = None
    initrwnd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    priority: int
    family: str = "ipv4"
    src: str | None = None
    dst: str | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: int | None = None
    fwmask: int | None = None
    table: int | None = None
    action: str = "lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourSpec:
    address: str
    dev: str
    mac: str | None = None
    proxy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A tenant's attachment to a network. `network`: a name in the tenant. Addresses without prefix length, each
    inside a subnet of the network; none given: the one held, else the lowest free, in each subnet."""

    network: str
    attach: Attach
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    mtu: int | None = None
    routes: tuple[RouteSpec, ...] = ()
    tuning: LinkTuning | None = None
    alias: str | None = None
    id: str | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    subnets: tuple[Subnet, ...] = ()
    uplink: Uplink | None = None
    mtu: int | None = None
    id: str | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    networks: Mapping[str, Network] = field(default_factory=lambda: _NONE)
    ports: Mapping[str, Port] = field(default_factory=lambda: _NONE)
    id: str | None = None
    was: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """TCP of one namespace. `rmem`, `wmem`: (min, default, max) bytes. Source: tcp(7)."""

    congestion_control: str | None = None
    rmem: tuple[int, int, int] | None = None
    wmem: tuple[int, int, int] | None = None
    mtu_probing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLink:
    """A link of a namespace outside any tenant. `existing`: somebody else's, whose attributes weft may set and will
    restore. Otherwise weft makes it, of `kind` bridge, dummy or veth (with `peer`, the other end's ifname)."""

    existing: bool = False
    kind: str | None = None
    peer: str | None = None
    master: str | None = None
    mac: str | None = None
    mtu: int | None = None
    alias: str | None = None
    altnames: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    tuning: LinkTuning | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceConfig:
    """What one namespace has beside its ports; the host's own, or one by name. Sysctl names with `.` or `/`."""

    sysctls: Mapping[str, str] = field(default_factory=lambda: _NONE)
    tcp: Tcp | None = None
    links: Mapping[str, HostLink] = field(default_factory=lambda: _NONE)
    routes: tuple[RouteSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    neighbours: tuple[NeighbourSpec, ...] = ()


class FirewallIntegration(Enum):
    AUTO = "auto"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """Where weft takes addresses that the host must tell apart (one of each family for every NAT uplink)."""

    ipv4: str = "198.18.0.0/15"
    ipv6: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A whole file. `name` is the scope."""

    name: str
    tenants: Mapping[str, Tenant] = field(default_factory=lambda: _NONE)
    host: NamespaceConfig | None = None
    namespaces: Mapping[str, NamespaceConfig] = field(default_factory=lambda: _NONE)
    pools: Pools = field(default_factory=Pools)
    firewall_integration: FirewallIntegration = FirewallIntegration.AUTO


Path = tuple[str, ...]
"""Where in the intent something stands: ("tenants", "shop", "ports", "web"). The loader maps it to a line."""
