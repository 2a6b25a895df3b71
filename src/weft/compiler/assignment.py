"""The addresses of a network's ports, found in three rounds: given, held, lowest free.

Rules: a given address that another port holds is refused, not taken from it: adding a port, or a router at an address
that it names, never moves another. All that does not fit one subnet is one finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from weft.compiler.addressing import AddressPool, Assigned, number_of
from weft.compiler.draft import Draft
from weft.compiler.naming import identity, interface_id, mac
from weft.compiler.network import NetworkPlace, TenantPlace
from weft.model.intent import Path, Port

Addresses = tuple[Assigned, ...]


class Claimant(NamedTuple):
    """A port that wants addresses: whose it is, its name, the intent, the name its id comes from, and the addresses it
    has now."""

    tenant: TenantPlace
    name: str
    port: Port
    former: str
    held: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Who it is among all that may be on its network."""
        return f"{self.tenant.name}/{self.name}"

    @property
    def path(self) -> Path:
        return ("tenants", self.tenant.name, "ports", self.name)


def port_path(label: str) -> Path:
    tenant, _, name = label.partition("/")
    return ("tenants", tenant, "ports", name)


def called(label: str, tenant: str) -> str:
    """A port as somebody of that tenant calls it."""
    return label.removeprefix(f"{tenant}/")


def assign(draft: Draft, network: NetworkPlace, claimants: Iterable[Claimant]) -> dict[str, Addresses]:
    """Addresses by the label of each port, in the order of the subnets. Notes every owner in the network's pools."""
    claimants = list(claimants)
    given = {c.label: _given(draft, network, c) for c in claimants if c.port.addresses}
    pinned = frozenset(given)
    free = [c for c in claimants if not c.port.addresses]
    held = {c.label: _held(draft, network, c, pinned) for c in free}
    missing: dict[AddressPool, list[Claimant]] = {}
    for claimant in free:
        chosen = {assigned.pool.cidr: assigned for assigned in _autonomous(draft, network, claimant, ())}
        given[claimant.label] = _complete(network, claimant, held[claimant.label], chosen, missing)
    for pool, without in missing.items():
        _report_full(draft, network, pool, without)
    return given


def port_id(draft: Draft, claimant: Claimant) -> str:
    return identity(draft.names.scope, f"tenants/{claimant.tenant.former}/ports/{claimant.former}", claimant.port.id)


def port_mac(draft: Draft, claimant: Claimant) -> str:
    """The MAC of what answers for the port's addresses."""
    return claimant.port.mac or mac(port_id(draft, claimant), "end")


def _given(draft: Draft, network: NetworkPlace, claimant: Claimant) -> Addresses:
    path = (*claimant.path, "addresses")
    found = []
    for at, address in enumerate(claimant.port.addresses):
        family, number = number_of(address)
        pool = next((pool for pool in network.pools if pool.spans(family, number)), None)
        what = _unfit(network, pool, number, address, claimant)
        if pool is None or what:
            draft.error((*path, str(at)), what, _choice(network, pool))
        else:
            found.append(Assigned(pool, address, number))
    return (*found, *_autonomous(draft, network, claimant, {assigned.pool.cidr for assigned in found}))


def _autonomous(
    draft: Draft, network: NetworkPlace, claimant: Claimant, without: Collection[str]
) -> Iterator[Assigned]:
    """What a guest calls itself by its MAC when it hears the router. Source: RFC 4862 section 5.5.3."""
    for pool in network.pools:
        if not _chooses(claimant, pool) or pool.cidr in without:
            continue
        number = int(pool.network.network_address) | interface_id(port_mac(draft, claimant))
        if other := pool.take(number, claimant.label):
            whose = called(other, claimant.tenant.name)
            what = f"{pool.text(number)}, which its guest makes of its MAC, is port {whose}'s"
            draft.error(claimant.path, what, f"another address for {whose}, or another `mac:`")
        else:
            yield Assigned(pool, pool.text(number), number)


def _chooses(claimant: Claimant, pool: AddressPool) -> bool:
    """Whether it is a guest that makes its own address there: what weft makes itself it gives addresses."""
    return pool.is_autonomous and claimant.port.attach.tap is not None


def _unfit(network: NetworkPlace, pool: AddressPool | None, number: int, address: str, claimant: Claimant) -> str:
    """Why the port cannot have the address, or ""; takes it otherwise."""
    if pool is None:
        return f"{address} is in no subnet of network {network.name}"
    if not pool.is_hosts(number):
        whose = "broadcast" if number > pool.last else "network's own"
        return f"{address} is the {whose} address of {pool.cidr}"
    if number in pool.holders:
        return f"{address} is {pool.holders[number]}"
    if number == pool.gateway and claimant.tenant.name != network.tenant:
        return f"{address} is the gateway of {pool.cidr}"
    other = pool.take(number, claimant.label)
    if not other:
        return ""
    if other == claimant.label:
        return f"{address} is given twice"
    return f"{address} is port {called(other, claimant.tenant.name)}'s"


def _choice(network: NetworkPlace, pool: AddressPool | None) -> str:
    if pool is not None:
        taken = pool.gateway if pool.gateway in pool.holders else None
        first, last = pool.first + (pool.first == taken), pool.last - (pool.last == taken)
        return f"another of {pool.text(first)} to {pool.text(last)}, or none to be given one"
    subnets = ", ".join(pool.cidr for pool in network.pools)
    return f"its subnets: {subnets}" if subnets else "it has no subnets; give it some, or the port no address"


def _held(draft: Draft, network: NetworkPlace, claimant: Claimant, pinned: frozenset[str]) -> dict[int, int]:
    """What the port has already and may keep: place of the pool -> number. `pinned`: ports with given addresses."""
    kept: dict[int, int] = {}
    for family, number in map(number_of, claimant.held):
        for at, pool in enumerate(network.pools):
            if at in kept or not pool.spans(family, number) or _chooses(claimant, pool):
                continue
            if pool.is_free(number):
                pool.take(number, claimant.label)
                kept[at] = number
            elif number in pool.named:
                _report_taken(draft, pool, number, claimant.label, pool.named[number])
            elif pool.owners.get(number) in pinned:
                path = (*port_path(pool.owners[number]), "addresses")
                _report_taken(draft, pool, number, claimant.label, path)
    return kept


def _report_taken(draft: Draft, pool: AddressPool, number: int, holder: str, where: Path) -> None:
    """`where`: the taker's."""
    holder = called(holder, where[1])
    draft.error(
        where,
        f"{pool.text(number)} is held by port {holder}, which would lose it",
        f"another address here, or `addresses:` for {holder} too",
    )


def _complete(
    network: NetworkPlace,
    claimant: Claimant,
    kept: Mapping[int, int],
    chosen: Mapping[str, Assigned],
    missing: dict[AddressPool, list[Claimant]],
) -> Addresses:
    """What is kept, what the guest has `chosen`, and the lowest free address of every other subnet; notes in `missing`
    who got none of which."""
    found = []
    for at, pool in enumerate(network.pools):
        if _chooses(claimant, pool):
            found += [chosen[pool.cidr]] if pool.cidr in chosen else []
            continue
        number = kept.get(at)
        if number is None:
            number = pool.take_lowest(claimant.label)
        if number is None:
            missing.setdefault(pool, []).append(claimant)
        else:
            found.append(Assigned(pool, pool.text(number), number))
    return tuple(found)


def _report_full(draft: Draft, network: NetworkPlace, pool: AddressPool, without: list[Claimant]) -> None:
    wanted = len(pool.owners) + len(without)
    draft.error(
        without[0].path,
        f"{pool.cidr} of network {network.name} has room for {pool.room} ports, {wanted} want an address of it",
        f"{_wide_enough(pool, wanted)} would do",
    )


def _wide_enough(pool: AddressPool, wanted: int) -> str:
    """The longest prefix that holds so many ports, its gateway, and the addresses that are nobody's."""
    hosts = wanted + len(pool.reserved) + 2
    return f"a /{pool.network.max_prefixlen - (hosts - 1).bit_length()}"
