"""Addresses that the host must tell apart: one of each family for every network with `uplink: nat`.

Rules: as for ports: what is held stays, else the lowest free. The pool is the host's to route, so nothing else there
may lie in it, nor may a subnet that goes out by it. Without a given IPv6 pool a /48 is derived (RFC 4193).
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.compiler.addressing import AddressPool, Span, number_of
from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.naming import ipv6_pool
from weft.compiler.network import Segment
from weft.model.intent import Pools, Uplink

PoolKey = tuple[str, str, int]
"""(tenant, network, family), as in Facts.pool_held."""


def families(segment: Segment) -> tuple[int, ...]:
    """Those that have a way out of the network."""
    return tuple(sorted({pool.family for pool in segment.gateways}))


def assign_pools(draft: Draft, given: Pools, segments: Sequence[Segment]) -> dict[PoolKey, str]:
    """A pool address for each family of each network with `uplink: nat`."""
    nat = [segment for segment in segments if segment.uplink is Uplink.NAT]
    cidrs = {4: given.ipv4, 6: given.ipv6 or ipv6_pool(draft.names.host_id, draft.names.scope)}
    found: dict[PoolKey, str] = {}
    for family, cidr in cidrs.items():
        wanting = [segment for segment in nat if family in families(segment)]
        if wanting:
            _check_pool(draft, family, cidr, wanting)
            _assign_family(draft, family, cidr, wanting, found)
    return found


def _assign_family(draft: Draft, family: int, cidr: str, wanting: Sequence[Segment], found: dict[PoolKey, str]) -> None:
    pool = AddressPool.of(cidr)
    taken = (number_of(address) for address in draft.facts.pool_taken)
    pool.reserved.update(number for of, number in taken if of == family and pool.first <= number <= pool.last)
    numbers = [_held(draft, pool, segment) for segment in wanting]
    for segment, held in zip(wanting, numbers, strict=True):
        number = pool.take_lowest(segment.name) if held is None else held
        if number is None:
            _report_full(draft, pool, segment, len(wanting))
            return
        found[segment.tenant, segment.name, family] = pool.text(number)


def _held(draft: Draft, pool: AddressPool, segment: Segment) -> int | None:
    facts = draft.facts.pool_held
    address = facts.get((segment.tenant, segment.name, pool.family)) or facts.get(
        (segment.former_tenant, segment.former, pool.family)
    )
    if address is None:
        return None
    family, number = number_of(address)
    if family != pool.family or not pool.is_free(number):
        return None
    pool.take(number, segment.name)
    return number


def _report_full(draft: Draft, pool: AddressPool, segment: Segment, wanted: int) -> None:
    draft.error(
        (*segment.path, "uplink"),
        f"the pool {pool.cidr} has {pool.room} addresses to give, {wanted} networks with `uplink: nat` want one",
        f"a wider prefix: `pools: {{ipv{pool.family}: ...}}`",
    )


def _check_pool(draft: Draft, family: int, cidr: str, wanting: Sequence[Segment]) -> None:
    pool = Span.of(cidr)
    path = ("pools", f"ipv{family}")
    for prefix in draft.host_prefixes:
        # other scopes' pool addresses are known one by one, and stepped over
        if pool.meets(prefix) and prefix.cidr.split("/")[0] not in draft.facts.pool_taken:
            draft.error(
                path, f"the pool {cidr} meets the host's route to {prefix.cidr}", "a prefix that is free", Cause.MACHINE
            )
    for segment in wanting:
        for subnet in segment.gateways:
            if pool.meets(Span.of(subnet.cidr)):
                draft.error(
                    path, f"the pool {cidr} meets {subnet.cidr} of network {segment.name}", "a prefix that is free"
                )
