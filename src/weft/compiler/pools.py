"""Addresses that the host must tell apart: one of each family for every network with `uplink: nat`, and one for each
address of a port that has a guarantee on the way out of such a network.

Rules: as for ports: what is held stays, else the lowest free; networks choose before ports. The pool is the host's to
route, so nothing else there may lie in it, nor may a subnet that goes out by it. Without a given IPv6 pool a /48 is
derived (RFC 4193).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.compiler.addressing import AddressPool, Span, nobodys, number_of
from weft.compiler.draft import Draft
from weft.compiler.naming import ipv6_pool
from weft.compiler.network import NetworkPlace
from weft.model.intent import Path, Pools, Uplink
from weft.records import dataclass
from weft.state import HOST, Key

PoolKey = tuple[str, str, int]
"""(tenant, network, family), as in Facts.pool_held."""
TransitKey = tuple[str, str, str]
"""(tenant, router, a port's address behind it), as in Facts.transit_held; the router of an uplink has its network's
name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traveller:
    """An address of a port that is to have one of the pool for itself. `router`: (tenant, name) of the one that gives
    it, `former`: by which that was known; `path`: the port's."""

    network: NetworkPlace
    router: tuple[str, str]
    former: tuple[str, str]
    address: str
    path: Path

    @property
    def key(self) -> TransitKey:
        return (*self.router, self.address)


def families(network: NetworkPlace) -> tuple[int, ...]:
    """Those that have a way out of the network."""
    return tuple(sorted({pool.family for pool in network.gateways}))


def assign_pools(draft: Draft, given: Pools, networks: Sequence[NetworkPlace]) -> dict[PoolKey, str]:
    """A pool address for each family of each network with `uplink: nat`."""
    nat = [network for network in networks if network.uplink is Uplink.NAT]
    found: dict[PoolKey, str] = {}
    for family, cidr in _cidrs(draft, given).items():
        wanting = [network for network in nat if family in families(network)]
        if wanting:
            _check_pool(draft, family, cidr, wanting)
            _assign_family(draft, cidr, wanting, found)
    return found


def assign_transit(
    draft: Draft, given: Pools, networks: Mapping[PoolKey, str], travellers: Sequence[Traveller]
) -> dict[TransitKey, str]:
    """A pool address for each traveller. `networks`: what networks have already."""
    found: dict[TransitKey, str] = {}
    for family, cidr in _cidrs(draft, given).items():
        wanting = [one for one in travellers if number_of(one.address)[0] == family]
        if wanting:
            unchecked = {id(one.network): one.network for one in wanting if one.network.uplink is None}
            if unchecked:  # those with an uplink are checked by `assign_pools`
                is_checked = any(Span.of(cidr).covers(*number_of(held)) for held in networks.values())
                _check_pool(draft, family, cidr, [*unchecked.values()], of_host=not is_checked)
            _assign_travellers(draft, _pool(draft, cidr, networks.values()), wanting, found)
    return found


def _cidrs(draft: Draft, given: Pools) -> dict[int, str]:
    return {4: given.ipv4, 6: given.ipv6 or ipv6_pool(draft.names.host_id, draft.names.scope)}


def _pool(draft: Draft, cidr: str, reserved: Iterable[str]) -> AddressPool:
    """The pool of one family without what other scopes have, and without `reserved`."""
    pool = AddressPool.of(cidr)
    taken = map(number_of, (*draft.facts.pool_taken, *reserved))
    pool.reserved.update(number for of, number in taken if of == pool.family and pool.is_hosts(number))
    return pool


def _assign_family(draft: Draft, cidr: str, wanting: Sequence[NetworkPlace], found: dict[PoolKey, str]) -> None:
    pool = _pool(draft, cidr, draft.facts.transit_held.values())
    numbers = [_held(draft, pool, network) for network in wanting]
    for network, held in zip(wanting, numbers, strict=True):
        number = pool.take_lowest(network.name) if held is None else held
        if number is None:
            _report_full(draft, pool, network, len(wanting))
            return
        found[network.tenant, network.name, pool.family] = pool.text(number)


def _assign_travellers(
    draft: Draft, pool: AddressPool, wanting: Sequence[Traveller], found: dict[TransitKey, str]
) -> None:
    numbers = [_kept(draft, pool, one) for one in wanting]
    for one, kept in zip(wanting, numbers, strict=True):
        number = pool.take_lowest(one.address) if kept is None else kept
        if number is None:
            draft.error(
                one.path,
                f"the pool {pool.cidr} has {pool.room} addresses for ports with a guarantee on the way out, "
                f"{len(wanting)} want one",
                _wider(pool),
            )
            return
        found[one.key] = pool.text(number)


def _kept(draft: Draft, pool: AddressPool, one: Traveller) -> int | None:
    """What the port's address has already, taken for it."""
    held = draft.facts.transit_held
    return _free(pool, held.get(one.key) or held.get((*one.former, one.address)), one.address)


def _held(draft: Draft, pool: AddressPool, network: NetworkPlace) -> int | None:
    facts = draft.facts.pool_held
    address = facts.get((network.tenant, network.name, pool.family)) or facts.get(
        (network.former_tenant, network.former, pool.family)
    )
    return _free(pool, address, network.name)


def _free(pool: AddressPool, address: str | None, owner: str) -> int | None:
    """The number of an address that may be kept, now the owner's."""
    if address is None:
        return None
    family, number = number_of(address)
    if family != pool.family or not pool.is_free(number):
        return None
    pool.take(number, owner)
    return number


def _report_full(draft: Draft, pool: AddressPool, network: NetworkPlace, wanted: int) -> None:
    draft.error(
        (*network.path, "uplink"),
        f"the pool {pool.cidr} has {pool.room} addresses to give, {wanted} networks with `uplink: nat` want one",
        _wider(pool),
    )


def _wider(pool: AddressPool) -> str:
    return f"a wider prefix: `pools: {{ipv{pool.family}: ...}}`"


def _check_pool(draft: Draft, family: int, cidr: str, wanting: Sequence[NetworkPlace], *, of_host: bool = True) -> None:
    pool = Span.of(cidr)
    path = ("pools", f"ipv{family}")
    if wrong := nobodys(pool):
        draft.error(path, wrong, "a prefix that is free")
    for prefix in draft.host_prefixes.meeting(pool) if of_host else ():
        # other scopes' pool addresses are known one by one, and stepped over
        if prefix.cidr.split("/")[0] not in draft.facts.pool_taken:
            what = f"the pool {cidr} meets the host's route to {prefix.cidr}"
            draft.misfit(path, Key("route", HOST, prefix.cidr), what, "a prefix that is free")
    for network in wanting:
        for subnet in network.pools:
            if pool.meets(subnet.span):
                draft.error(
                    path, f"the pool {cidr} meets {subnet.cidr} of network {network.name}", "a prefix that is free"
                )
