"""What people declare, as pure data. The logical words are Neutron's, the host's are iproute2's.

Rules: no field here knows of a file, a kernel or a name that weft derives. Strings are already in canonical form (the
loader sees to it, by the forms of words.py): addresses as ipaddress prints them, MACs in lower case with colons, cidr
with host bits zero, sysctl names with `/`. Mappings keep the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from types import MappingProxyType
from typing import Any

from weft.model import words as w
from weft.model.link_kinds import AnyLink
from weft.model.qos import QosPolicy, QosUse
from weft.model.router import ExternalNetwork, Router
from weft.model.security import AddressGroupMember, AddressPair, Drops, Logging, SecurityGroup
from weft.model.segment import MacvtapMode, SegmentSpec
from weft.model.tuning import LinkTuning
from weft.records import dataclass

_NONE: Mapping[str, Any] = MappingProxyType({})


class Uplink(Enum):
    NAT = "nat"
    ROUTED = "routed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """`cidr` of either family. `gateway`: None lets weft take the first usable address where the network has a router;
    "" means that there shall be none. `ra`: how guests get their addresses, as router advertisements say, None or "off"
    for no advertisements; `dns`: the servers that they name."""

    cidr: w.Cidr
    gateway: w.Gateway | None = None
    ra: w.Advertised | None = None
    dns: tuple[w.Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TapAttach:
    """`name` the ifname in the host's namespace, by default the port's. `owner`, `group`: user and group, by name or
    number, that may open it. `queues` above 1 makes it multi-queue."""

    name: w.Ifname | None = None
    owner: w.Account | None = None
    group: w.Account | None = None
    queues: w.Queues = 1
    vnet_hdr: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MacvtapAttach:
    """`name` the ifname in the host's namespace, by default the port's. `owner`, `group`: user and group, by name or
    number, to whom /dev/tapN belongs. `mode` None: the segment's submode."""

    name: w.Ifname | None = None
    owner: w.Account | None = None
    group: w.Account | None = None
    mode: MacvtapMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Where a port ends: exactly one of `netns` (a name under /run/netns, made if it is not there), `tap`, `macvtap`
    (on a segment of mode macvlan), `host`, `pidfile` (the namespace of the process whose id the file holds), `router`
    (which names the port). `ifname`: its name there, else the port's."""

    netns: w.NetnsName | None = None
    tap: TapAttach | None = None
    macvtap: MacvtapAttach | None = None
    host: bool = False
    pidfile: w.AbsolutePath | None = None
    router: bool = False
    ifname: w.Ifname | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHopSpec:
    """One way among several: `weight` is its share beside the others'."""

    via: w.Address | None = None
    dev: w.Ifname | None = None
    weight: w.Weight = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """`to`: a prefix, or "default" (of via's family). `via` may be of the other family. `mtu`, `advmss` bytes.
    `nexthops` instead of `via`, `dev` and `onlink` where there are several ways."""

    to: w.Destination
    via: w.Address | None = None
    dev: w.Ifname | None = None
    table: w.RouteTable = 254
    metric: w.U32 | None = None
    onlink: bool = False
    type: w.RouteType = "unicast"
    src: w.Address | None = None
    mtu: w.Mtu | None = None
    advmss: w.Mss | None = None
    initcwnd: w.Segments | None = None
    initrwnd: w.Segments | None = None
    nexthops: tuple[NextHopSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    priority: w.RulePriority
    family: w.Family = "ipv4"
    src: w.Cidr | None = None
    dst: w.Cidr | None = None
    iif: w.Ifname | None = None
    oif: w.Ifname | None = None
    fwmark: w.U32 | None = None
    fwmask: w.U32 | None = None
    table: w.RouteTable | None = None
    action: w.RuleAction = "lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourSpec:
    address: w.Address
    dev: w.Ifname
    mac: w.Mac | None = None
    proxy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A tenant's attachment to a network. `network`: a name in the tenant. Addresses without prefix length, each
    inside a subnet of the network; none given: the one held, else the lowest free, in each subnet. `security_groups`:
    None: nothing is filtered; (): nothing comes in. `port_security`: whether it may only speak as itself.
    `log_drops`: goes before that of its groups."""

    network: w.Name
    attach: Attach
    addresses: tuple[w.Address, ...] = ()
    mac: w.Mac | None = None
    mtu: w.Mtu | None = None
    routes: tuple[RouteSpec, ...] = ()
    security_groups: tuple[w.Name, ...] | None = None
    allowed_address_pairs: tuple[AddressPair, ...] = ()
    port_security: bool = True
    log_drops: Logging | None = None
    tuning: LinkTuning | None = None
    qos: QosUse | None = None
    alias: w.Alias | None = None
    id: w.Uuid | None = None
    was: w.PortName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`qos` of all its ports together; `port_qos`: of each that has no `qos` of its own."""

    subnets: tuple[Subnet, ...] = ()
    uplink: Uplink | None = None
    segment: SegmentSpec | None = None
    mtu: w.Mtu | None = None
    qos: QosUse | None = None
    port_qos: QosUse | None = None
    id: w.Uuid | None = None
    was: w.Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`address_groups`: prefixes, and names of other address groups. `qos`, `port_qos` as a Network's; the network's
    `port_qos` goes before. `qos_policies`: its own, which go before the file's of the same name."""

    networks: Mapping[w.Name, Network] = field(default_factory=lambda: _NONE)
    routers: Mapping[w.Name, Router] = field(default_factory=lambda: _NONE)
    ports: Mapping[w.PortName, Port] = field(default_factory=lambda: _NONE)
    security_groups: Mapping[w.Name, SecurityGroup] = field(default_factory=lambda: _NONE)
    address_groups: Mapping[w.Name, tuple[AddressGroupMember, ...]] = field(default_factory=lambda: _NONE)
    qos: QosUse | None = None
    port_qos: QosUse | None = None
    qos_policies: Mapping[w.Name, QosPolicy] = field(default_factory=lambda: _NONE)
    id: w.Uuid | None = None
    was: w.Name | None = None

    def joined(self, router: Router) -> tuple[str, ...]:
        """The networks that one of its routers joins, by name."""
        ports = (self.ports.get(interface.port or "") for interface in router.interfaces)
        pairs = zip(router.interfaces, ports, strict=True)
        names = (port.network if port else interface.network for interface, port in pairs)
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """TCP of one namespace. `rmem`, `wmem`: (min, default, max) bytes. Source: tcp(7)."""

    congestion_control: w.Algorithm | None = None
    rmem: tuple[w.Buffer, w.Buffer, w.Buffer] | None = None
    wmem: tuple[w.Buffer, w.Buffer, w.Buffer] | None = None
    mtu_probing: w.MtuProbing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceConfig:
    """What one namespace has beside its ports; the host's own, or one by name. Sysctl names with `/`. Of one by name,
    `adopt`: one that is there already becomes weft's."""

    sysctls: Mapping[w.SysctlName, w.SysctlValue] = field(default_factory=lambda: _NONE)
    tcp: Tcp | None = None
    links: Mapping[w.Ifname, AnyLink] = field(default_factory=lambda: _NONE)
    routes: tuple[RouteSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    neighbours: tuple[NeighbourSpec, ...] = ()
    adopt: bool = False
    was: w.NetnsName | None = None


class FirewallIntegration(Enum):
    AUTO = "auto"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """Where weft takes addresses that the host must tell apart (one of each family for every NAT uplink)."""

    ipv4: w.PoolV4 = "198.18.0.0/15"
    ipv6: w.PoolV6 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A whole file. `name` is the scope. `external_networks`: where routers' gateways are."""

    name: w.ScopeName
    external_networks: Mapping[w.Name, ExternalNetwork] = field(default_factory=lambda: _NONE)
    tenants: Mapping[w.Name, Tenant] = field(default_factory=lambda: _NONE)
    host: NamespaceConfig | None = None
    namespaces: Mapping[w.NetnsName, NamespaceConfig] = field(default_factory=lambda: _NONE)
    qos_policies: Mapping[w.Name, QosPolicy] = field(default_factory=lambda: _NONE)
    pools: Pools = field(default_factory=Pools)
    drops: Drops = field(default_factory=Drops)
    firewall_integration: FirewallIntegration = FirewallIntegration.AUTO


Path = tuple[str, ...]
"""Where in the intent something stands: ("tenants", "shop", "ports", "web"). The loader maps it to a line."""
