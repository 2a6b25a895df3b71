"""Next hops that nobody is at: what the kernel refuses, and what it takes and then asks the link for in vain.

Rules: said only where all that could have the address is known: of links that somebody else gives addresses, of
networks that reach beyond this machine, and of ports whose addresses are still to be chosen nothing is said.
Source: net/ipv4/fib_semantics.c fib_check_nh, net/ipv6/route.c ip6_route_check_nh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from ipaddress import ip_address, ip_interface, ip_network
from typing import NamedTuple

from weft.compiler.findings import Finding
from weft.compiler.prefixes import Prefixes
from weft.facts import Facts
from weft.model.intent import Intent, NamespaceConfig, Network, NextHopSpec, Path, Port, RouteSpec, Subnet, Tenant
from weft.model.router import Router
from weft.model.sharing import NetworkKey, PortKey, network_key, network_of

_EVERYWHERE = ("0.0.0.0/0", "::/0")


class _Near:
    """The prefixes that a link reaches without a next hop."""

    def __init__(self, subnets: Iterable[str]) -> None:
        self.subnets = tuple(subnets)
        self._prefixes = Prefixes((one, "") for one in self.subnets)

    def has(self, via: str) -> bool:
        return ip_address(via).is_link_local or self._prefixes.find(via) is not None


NearBy = Callable[[str | None], _Near | None]
"""What a link reaches, by its name; None where that is not known."""


def unreached_next_hops(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Routes of the host, of namespaces and of ports by a link that has no subnet with the next hop: an apply would
    come to them, be refused, and lead all back."""
    if intent.host is not None:
        yield from _of_namespace(intent.host, ("host",), facts)
    for netns, config in intent.namespaces.items():
        yield from _of_namespace(config, ("namespaces", netns), None)
    for tenant_name, tenant in intent.tenants.items():
        for name, port in tenant.ports.items():
            network = network_of(intent, tenant_name, port) if port.routes else None
            if network is not None:
                yield from _of_routes(
                    port.routes, ("tenants", tenant_name, "ports", name), _always(_subnets(network, port))
                )


def vacant_next_hops(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Routes of routers by an address of a network that nobody there has."""
    known = _Known(intent, facts)
    for tenant_name, tenant in intent.tenants.items():
        for name, router in tenant.routers.items():
            around = _around(tenant, router)
            for at, route in enumerate(router.routes):
                where = ("tenants", tenant_name, "routers", name, "routes", str(at))
                network = around.find(route.via)
                if network and known.is_vacant((tenant_name, network), route.via):
                    yield Finding(
                        path=where,
                        what=f"nobody on network {network} has {route.via}: what goes to {route.to} is lost",
                        fix="give it to a port or a router's interface there, or another `via`",
                        severity="warning",
                    )


def _of_namespace(config: NamespaceConfig, path: Path, facts: Facts | None) -> Iterator[Finding]:
    """`facts`: of the host; None where nothing is known of links that others made."""

    @cache
    def near(dev: str | None) -> _Near | None:
        link = config.links.get(dev or "")
        if dev is None or (link is None and facts is None) or (link is not None and link.accept_ra):
            return None
        found = list(link.addresses) if link is not None else []
        if link is None or link.existing or link.adopt:
            if facts is None or dev not in facts.links:
                return None
            found += [*facts.links[dev].addresses, *(to for to in facts.host_routes if to not in _EVERYWHERE)]
        return _Near([*found, *(route.to for route in config.routes if route.dev == dev and not route.via)])

    yield from _of_routes(config.routes, path, near)


def _always(subnets: list[str]) -> NearBy:
    near = _Near(subnets)
    return lambda dev: None if dev else near  # another link of the namespace is the compiler's matter


def _of_routes(routes: Iterable[RouteSpec], path: Path, near_by: NearBy) -> Iterator[Finding]:
    for at, route in enumerate(routes):
        said = route.nexthops or (NextHopSpec(via=route.via, dev=route.dev, onlink=route.onlink),)
        for number, hop in enumerate(said):
            near = near_by(hop.dev) if hop.via and not hop.onlink else None
            if near is not None and not near.has(hop.via or ""):
                there = ", ".join(str(ip_interface(one).network) for one in near.subnets) or "none"
                what = f"{hop.via} is in no subnet of {hop.dev or 'the port'} ({there})"
                yield Finding(
                    path=(*path, "routes", str(at), *(("nexthops", str(number)) if route.nexthops else ())),
                    what=f"{what}: the kernel refuses the route",
                    fix="another `via`, an address of its subnet there, or `onlink: true` if it is on the wire anyway",
                    severity="warning",
                )


def _subnets(network: Network, port: Port) -> list[str]:
    """Those that a port has an address in."""
    own = [ip_address(address) for address in port.addresses]
    return [one.cidr for one in network.subnets if not own or any(held in ip_network(one.cidr) for held in own)]


def _around(tenant: Tenant, router: Router) -> Prefixes:
    """By their subnets, the networks of the router that end on this machine."""
    networks = ((name, tenant.networks.get(name)) for name in tenant.joined(router) if router.routes)
    return Prefixes(
        (subnet.cidr, name) for name, held in networks if held and not held.segment for subnet in held.subnets
    )


class _Held(NamedTuple):
    """What those on a network may be known by: addresses, and prefixes that they may speak as."""

    addresses: frozenset[str]
    pairs: Prefixes


class _Known:
    """What is known of who is on each network, found when it is first asked for."""

    def __init__(self, intent: Intent, facts: Facts) -> None:
        self._intent, self._facts = intent, facts
        self._held: dict[NetworkKey, _Held | None] = {}

    def is_vacant(self, network: NetworkKey, via: str) -> bool:
        """Whether all of the network is known, and nobody of it has the address."""
        if network not in self._held:
            self._held[network] = self._find(network)
        held = self._held[network]
        return held is not None and via not in held.addresses and held.pairs.find(via) is None

    @cached_property
    def _ports(self) -> Mapping[NetworkKey, list[tuple[PortKey, Port]]]:
        found: dict[NetworkKey, list[tuple[PortKey, Port]]] = {}
        for owner, held in self._intent.tenants.items():
            for name, port in held.ports.items():
                found.setdefault(network_key(owner, port), []).append(((owner, name), port))
        return found

    def _find(self, network: NetworkKey) -> _Held | None:
        """None where not all of it is known."""
        ports, chosen = self._ports.get(network, ()), self._facts.held
        if any(not port.port_security or (not port.addresses and key not in chosen) for key, port in ports):
            return None
        own = {address for key, port in ports for address in (*port.addresses, *chosen.get(key, ()))}
        return _Held(
            addresses=frozenset(own | _of_routers(self._intent, *network)),
            pairs=Prefixes((str(pair.ip), "") for _, port in ports for pair in port.allowed_address_pairs),
        )


def _of_routers(intent: Intent, tenant: str, network: str) -> set[str]:
    """The addresses that routers have on a network, or may have: its gateways."""
    held = intent.tenants[tenant]
    named = {
        address
        for router in held.routers.values()
        for interface in router.interfaces
        if interface.network == network
        for address in interface.address
    }
    return named.union(*(_gateways(subnet) for subnet in held.networks[network].subnets))


def _gateways(subnet: Subnet) -> set[str]:
    """The given one, and the one that is taken where none is."""
    first = str(next(iter(ip_network(subnet.cidr).hosts()), ""))
    return {first, *filter(None, (subnet.gateway,))}
