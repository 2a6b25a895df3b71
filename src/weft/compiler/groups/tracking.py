"""How it is known on a bridge that a packet answers another: by connection tracking of bridges, or by a mark.

Rules: where the kernel follows connections in bridges (nf_conntrack_bridge), a rule asks for its state. Else
br_netfilter hands the bridge's packets to the hooks of inet, where connections are followed, and a chain there marks
what answers; the bridge's rules ask for the mark. Nothing else marks packets in a tenant's namespace, and no mark
crosses a veth. Source: net/netfilter/nf_conntrack_bridge.c, net/bridge/br_netfilter_hooks.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from hashlib import sha256
from ipaddress import ip_network

from weft.compiler.groups import layout
from weft.compiler.groups.guard import has_prefixes
from weft.compiler.groups.layout import INET, FilterTable
from weft.facts import Facts
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.model.intent import Port, Tenant

MARK = "0x00000001"


class Tracking(Enum):
    """`value`: the rule that passes answers."""

    BRIDGE = "ct state established,related accept"
    MARKS = f"meta mark {MARK} accept"
    NONE = ""

    @classmethod
    def on(cls, facts: Facts) -> Tracking:
        """The best that the kernel has."""
        if "nft_bridge_ct" in facts.features:
            return cls.BRIDGE
        return cls.MARKS if {"br_netfilter", "nft_inet"} <= facts.features else cls.NONE


def filters(tenant: Tenant) -> bool:
    """Whether any port of the tenant's, wherever it is, is or soon may be behind groups."""
    return bool(tenant.security_groups) or any(port.security_groups is not None for port in tenant.ports.values())


def follows(facts: Facts, tenants: Iterable[Tenant]) -> bool:
    """Whether br_netfilter is needed in a tenant's namespace. `tenants`: it, and those that it shares networks with."""
    return Tracking.on(facts) is Tracking.MARKS and any(map(filters, tenants))


def is_local_change(former: Tenant, tenant: Tenant, changed: Mapping[str, tuple[Port | None, Port | None]]) -> bool:
    """Whether what changes with some ports (each as it was and as it is) is theirs alone."""
    ports = (port for pair in changed.values() for port in pair if port is not None)
    return filters(former) == filters(tenant) and not any(has_prefixes(port) for port in ports)


def marking(table: FilterTable, zones: Mapping[str, int]) -> Iterator[NftTable | NftChain | NftSet | NftElement]:
    """The inet table of a tenant where marks are needed. `zones`: by bridge."""
    inet = FilterTable(netns=table.netns, name=table.name, family=INET)
    yield inet.itself
    rule = f"ct state established,related meta mark set {MARK}"
    yield inet.base(layout.TRACKING, "prerouting", layout.TRACKING_PRIORITY, "accept", (rule,))
    if zones:
        yield from zone_map(inet)
        yield inet.base("zoning", "prerouting", layout.GUARD_PRIORITY, "accept", (ZONING,))
        for bridge, zone in zones.items():
            yield inet.element(layout.ZONES, layout.quoted(bridge), str(zone))


ZONING = f"ct zone set iifname map @{layout.ZONES}"


def zone_map(table: FilterTable) -> Iterator[NftSet]:
    yield table.set(layout.ZONES, "typeof iifname", data="ct zone")


def following(table: FilterTable) -> NftChain:
    """A chain that no packet comes to. That it is there makes the kernel follow a bridge's connections: a port's first
    group finds those that began before. Source: net/netfilter/nft_ct.c nft_ct_get_init."""
    return table.chain(layout.TRACKING, (Tracking.BRIDGE.value,))


def zones_of(tenant: Tenant, bridges: Mapping[str, str]) -> dict[str, int]:
    """A zone for each bridge whose addresses another network of the tenant has too. `bridges`: by network. The number
    is the name's, so that another network does not change it."""
    found: dict[str, int] = {}
    for network in overlapping(tenant):
        if network not in bridges:
            continue
        zone = int.from_bytes(sha256(bridges[network].encode()).digest()[:2]) or 1
        while zone in found.values():
            zone = zone % 65535 + 1
        found[bridges[network]] = zone
    return found


def overlapping(tenant: Tenant) -> list[str]:
    """The networks of which some address is also another's."""
    spans = sorted(
        (net.version, int(net.network_address), int(net.broadcast_address), name)
        for name, network in tenant.networks.items()
        for net in (ip_network(subnet.cidr) for subnet in network.subnets)
    )
    found: set[str] = set()
    reach: dict[int, tuple[int, str]] = {}
    for version, low, high, name in spans:
        last, holder = reach.get(version, (-1, ""))
        if low <= last and holder != name:
            found.update((name, holder))
        if high > last:
            reach[version] = high, name
    return [name for name in tenant.networks if name in found]
