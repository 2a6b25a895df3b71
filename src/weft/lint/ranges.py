"""Addresses that belong to something else on most machines.

Rules: a prefix is held against ranges whose users expect them for themselves. The pools weft itself takes addresses
from are looked at as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.model.intent import Intent, Path

SPECIAL: Mapping[IPv4Network | IPv6Network, str] = {
    ip_network("100.64.0.0/10"): "shared by carriers for their NAT, and by Tailscale for its nodes (RFC 6598)",
    ip_network("fd7a:115c:a1e0::/48"): "Tailscale's",
    ip_network("169.254.0.0/16"): "link-local, never routed (RFC 3927)",
    ip_network("fe80::/10"): "link-local, never routed (RFC 4291)",
    ip_network("127.0.0.0/8"): "the loopback's, dropped everywhere else (RFC 1122)",
    ip_network("224.0.0.0/4"): "multicast (RFC 5771)",
    ip_network("240.0.0.0/4"): "reserved, dropped by most routers (RFC 1112)",
    ip_network("192.0.2.0/24"): "for examples (RFC 5737)",
    ip_network("198.51.100.0/24"): "for examples (RFC 5737)",
    ip_network("203.0.113.0/24"): "for examples (RFC 5737)",
    ip_network("ff00::/8"): "multicast (RFC 4291)",
}
_FREE = {4: "take one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16", 6: "take one of fd00::/8"}


def shared_ranges(intent: Intent, facts: Facts) -> Iterator[Finding]:
    for path, cidr in _prefixes(intent):
        network = ip_network(cidr)
        for special, whose in SPECIAL.items():
            if network.version == special.version and network.overlaps(special):
                what = f"{cidr} overlaps {special}: {whose}"
                yield Finding(path=path, what=what, fix=_FREE[network.version], severity="warning")


def _prefixes(intent: Intent) -> Iterator[tuple[Path, str]]:
    for tenant_name, tenant in intent.tenants.items():
        for name, network in tenant.networks.items():
            for at, subnet in enumerate(network.subnets):
                yield ("tenants", tenant_name, "networks", name, "subnets", str(at)), subnet.cidr
    yield ("pools", "ipv4"), intent.pools.ipv4
    if intent.pools.ipv6:
        yield ("pools", "ipv6"), intent.pools.ipv6
