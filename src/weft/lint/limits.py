"""Tables of the kernel that all namespaces of a machine share, and that many ports fill.

Rules: what is counted is the least that ordinary use takes, so a warning here means trouble, not a chance of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.model.intent import Intent, Tenant, Uplink

NEIGHBOURS = {4: "net/ipv4/neigh/default/gc_thresh3", 6: "net/ipv6/neigh/default/gc_thresh3"}
CONNTRACK = "net/netfilter/nf_conntrack_max"
LIMITS = (*NEIGHBOURS.values(), CONNTRACK)
"""The sysctls that `Facts.limits` should hold, as they are in the machine's first namespace."""

FLOWS_PER_PORT = 256
"""Connections of one busy port at a time, as a router with NAT has to remember them."""


def neighbours(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Each port knows its gateway and its gateway knows it: two entries of a table that the whole machine shares.
    Source: Documentation/networking/ip-sysctl.rst, neigh/default/gc_thresh3."""
    for family, sysctl in NEIGHBOURS.items():
        limit = facts.limits.get(sysctl)
        needed = 2 * _ports(intent, partial(_of_family, family))
        if limit is not None and needed > limit:
            yield Finding(
                path=("tenants",),
                what=f"the ports need {needed:,} IPv{family} neighbour entries, the kernel keeps {limit:,}: "
                "beyond that packets are dropped",
                fix=f"set {sysctl} to {_roomy(needed)} or more in the first namespace of the machine",
                severity="warning",
            )


def conntrack(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Source: Documentation/networking/nf_conntrack-sysctl.rst, nf_conntrack_max."""
    limit = facts.limits.get(CONNTRACK)
    ports = _ports(intent, _translated)
    if limit is not None and ports * FLOWS_PER_PORT > limit:
        yield Finding(
            path=("tenants",),
            what=f"{ports:,} ports go out by NAT and the kernel remembers {limit:,} connections, "
            f"{limit // ports:,} for each: beyond that new ones are dropped",
            fix=f"set {CONNTRACK} to {_roomy(ports * FLOWS_PER_PORT)} or more",
            severity="warning",
        )


def _ports(intent: Intent, networks: Callable[[Tenant], set[str]]) -> int:
    """Ports on the networks of each tenant that count."""
    total = 0
    for tenant in intent.tenants.values():
        counted = networks(tenant)
        total += sum(port.network in counted for port in tenant.ports.values())
    return total


def _of_family(family: int, tenant: Tenant) -> set[str]:
    networks = tenant.networks.items()
    return {name for name, held in networks if any((":" in one.cidr) == (family == 6) for one in held.subnets)}


def _translated(tenant: Tenant) -> set[str]:
    """The networks of which what goes out gets another source, by `uplink: nat` or by a router."""
    routers = [router for router in tenant.routers.values() if router.gateway and router.gateway.translates]
    by_router = {network for router in routers for network in tenant.joined(router)}
    return by_router | {name for name, network in tenant.networks.items() if network.uplink is Uplink.NAT}


def _roomy(needed: int) -> int:
    """The power of two that leaves at least half as much again."""
    return 1 << (needed * 3 // 2 - 1).bit_length()
