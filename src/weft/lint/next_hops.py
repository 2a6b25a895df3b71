"""Next hops that nobody is at: what the kernel refuses, and what it takes and then asks the link for in vain.

Rules: said only where all that could have the address is known: of links that somebody else gives addresses, of
networks that reach beyond this machine, and of ports whose addresses are still to be chosen nothing is said.
Source: net/ipv4/fib_semantics.c fib_check_nh, net/ipv6/route.c ip6_route_check_nh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address, ip_interface, ip_network

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.model.intent import Intent, NamespaceConfig, Network, NextHopSpec, Path, Port, RouteSpec, Subnet
from weft.model.router import Router
from weft.model.sharing import network_key, network_of

Near = Callable[[str | None], "list[str] | None"]
"""The prefixes that a link reaches without a next hop, by its name; None where they are not known."""

_EVERYWHERE = ("0.0.0.0/0", "::/0")


def unreached_next_hops(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Routes of the host, of namespaces and of ports by a link that has no subnet with the next hop: an apply would
    come to them, be refused, and lead all back."""
    if intent.host is not None:
        yield from _of_namespace(intent.host, ("host",), facts)
    for netns, config in intent.namespaces.items():
        yield from _of_namespace(config, ("namespaces", netns), None)
    for tenant_name, tenant in intent.tenants.items():
        for name, port in tenant.ports.items():
            network = network_of(intent, tenant_name, port)
            if network is not None:
                yield from _of_routes(
                    port.routes, ("tenants", tenant_name, "ports", name), _always(_subnets(network, port))
                )


def vacant_next_hops(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Routes of routers by an address of a network that nobody there has."""
    for tenant_name, tenant in intent.tenants.items():
        for name, router in tenant.routers.items():
            for at, route in enumerate(router.routes):
                where = ("tenants", tenant_name, "routers", name, "routes", str(at))
                network = _around(intent, tenant_name, router, route.via)
                if network and _is_vacant(intent, facts, tenant_name, network, route.via):
                    yield Finding(
                        path=where,
                        what=f"nobody on network {network} has {route.via}: what goes to {route.to} is lost",
                        fix="give it to a port or a router's interface there, or another `via`",
                        severity="warning",
                    )


def _of_namespace(config: NamespaceConfig, path: Path, facts: Facts | None) -> Iterator[Finding]:
    """`facts`: of the host; None where nothing is known of links that others made."""

    def near(dev: str | None) -> list[str] | None:
        link = config.links.get(dev or "")
        if dev is None or (link is None and facts is None) or (link is not None and link.accept_ra):
            return None
        found = list(link.addresses) if link is not None else []
        if link is None or link.existing or link.adopt:
            if facts is None or dev not in facts.links:
                return None
            found += [*facts.links[dev].addresses, *(to for to in facts.host_routes if to not in _EVERYWHERE)]
        return found + [route.to for route in config.routes if route.dev == dev and not route.via]

    yield from _of_routes(config.routes, path, near)


def _always(subnets: list[str]) -> Near:
    return lambda dev: None if dev else subnets  # another link of the namespace is the compiler's matter


def _of_routes(routes: Iterable[RouteSpec], path: Path, near: Near) -> Iterator[Finding]:
    for at, route in enumerate(routes):
        said = route.nexthops or (NextHopSpec(via=route.via, dev=route.dev, onlink=route.onlink),)
        for number, hop in enumerate(said):
            subnets = near(hop.dev) if hop.via and not hop.onlink else None
            if subnets is not None and not _is_near(hop.via or "", subnets):
                there = ", ".join(str(ip_interface(one).network) for one in subnets) or "none"
                what = f"{hop.via} is in no subnet of {hop.dev or 'the port'} ({there})"
                yield Finding(
                    path=(*path, "routes", str(at), *(("nexthops", str(number)) if route.nexthops else ())),
                    what=f"{what}: the kernel refuses the route",
                    fix="another `via`, an address of its subnet there, or `onlink: true` if it is on the wire anyway",
                    severity="warning",
                )


def _is_near(via: str, subnets: Iterable[str]) -> bool:
    held = ip_address(via)
    return held.is_link_local or any(held in ip_interface(subnet).network for subnet in subnets)


def _subnets(network: Network, port: Port) -> list[str]:
    """Those that a port has an address in."""
    own = [ip_address(address) for address in port.addresses]
    return [one.cidr for one in network.subnets if not own or any(held in ip_network(one.cidr) for held in own)]


def _around(intent: Intent, tenant: str, router: Router, via: str) -> str:
    """The network of the router that has the next hop in a subnet and ends on this machine, "" for none."""
    held = intent.tenants[tenant]
    for name in held.joined(router):
        network = held.networks.get(name)
        if network and not network.segment and any(ip_address(via) in ip_network(one.cidr) for one in network.subnets):
            return name
    return ""


def _is_vacant(intent: Intent, facts: Facts, tenant: str, network: str, via: str) -> bool:
    """Whether all of the network is known, and nobody of it has the address."""
    ports = [
        (owner, name, port)
        for owner, held in intent.tenants.items()
        for name, port in held.ports.items()
        if network_key(owner, port) == (tenant, network)
    ]
    if any(
        not port.port_security or (not port.addresses and (owner, name) not in facts.held)
        for owner, name, port in ports
    ):
        return False
    address = ip_address(via)
    pairs = (str(pair.ip) for _, _, port in ports for pair in port.allowed_address_pairs)
    own = {one for owner, name, port in ports for one in (*port.addresses, *facts.held.get((owner, name), ()))}
    return via not in own | _of_routers(intent, tenant, network) and not any(
        address in ip_network(pair, strict=False) for pair in pairs
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
