"""Who is outside, beside the link of an external network, and what is asked from there alone: the addresses that
routers have on it.

Rules: somebody outside asks everything on the wire itself, and is answered there. That the host answers for an address
on the link, by an entry of its own, is part of the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network

from weft.compiler.router.place import UPLINK
from weft.kinds.ip.address import Address
from weft.model.intent import Intent, Path
from weft.model.router import ExternalNetwork
from weft.reach.endpoints import Endpoint
from weft.state import Key, State


def outsider(network: str, external: ExternalNetwork, addresses: Iterable[str]) -> Endpoint:
    """Somebody with these addresses, one of each family at most, on an external network. No namespace can be called as
    his is."""
    own = {":" in address: address for address in addresses}
    return Endpoint(
        name=f"outside {network}",
        tenant="",
        network=network,
        at=("", ""),
        path=("external_networks", network),
        netns=f"outside/{network}",
        ifname="",
        ipv4=own.get(False, ""),
        ipv6=own.get(True, ""),
        is_guest=False,
        external=network,
        comes_by=external.link,
    )


def network_around(intent: Intent, address: str) -> str:
    """The external network that has the address in a subnet, "" for none."""
    return next((name for name, network in intent.external_networks.items() if _is_around(network, address)), "")


def _is_around(network: ExternalNetwork, address: str) -> bool:
    held = ip_address(address)
    return any(held in ip_network(subnet.cidr, strict=False) for subnet in network.subnets)


def routers(intent: Intent, state: State, paths: Mapping[Key, Path]) -> list[Endpoint]:
    """Every address that a router has on an external network, as what can be asked, in the order of the file."""
    held = {
        (obj.netns, obj.cidr.partition("/")[0]): paths.get(key, ())
        for key, obj in state.items()
        if isinstance(obj, Address) and obj.ifname == UPLINK
    }
    found = [made for (netns, address), path in held.items() for made in _router(intent, netns, address, path)]
    order = {(tenant, name): at for at, (tenant, name) in enumerate(_declared(intent))}
    return sorted(found, key=lambda end: order[end.tenant, end.path[3]])


def _declared(intent: Intent) -> Iterator[tuple[str, str]]:
    return ((tenant, name) for tenant, held in intent.tenants.items() for name in held.routers)


def _router(intent: Intent, netns: str, address: str, path: Path) -> Iterator[Endpoint]:
    if path[2:3] != ("routers",):
        return
    _, tenant, _, name, *_ = path
    gateway = intent.tenants[tenant].routers[name].gateway
    if gateway is None or not _is_around(intent.external_networks[gateway.network], address):
        return
    is_ipv6 = ":" in address
    yield Endpoint(
        name=f"{tenant}/{address} router {name}",
        tenant=tenant,
        network="",
        at=("", ""),
        path=path[:4],
        netns=netns,
        ifname=UPLINK,
        ipv4="" if is_ipv6 else address,
        ipv6=address if is_ipv6 else "",
        is_guest=False,
        floating=address,
        external=gateway.network,
    )
