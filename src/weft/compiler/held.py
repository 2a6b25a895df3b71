"""What the kernel remembers of the compiler's former choices: the way back from an observed State to Facts.

Rules: pure. The marks say whose an address is. A tap's address is its guest's to set, so the alias of its stitch names
it after the mark. Of several addresses those that weft made (by their protocol) come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.uplink import UPLINK
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.state import HOST, PROTOCOL, Key, Mark, State, link_key

PortKey = tuple[str, str]
PoolKey = tuple[str, str, int]


def held_addresses(observed: State, host_id: str, scope: str) -> dict[PortKey, tuple[str, ...]]:
    """Facts.held: (tenant, port) to its addresses without prefix length."""
    found: dict[PortKey, list[str]] = {}
    ports = _owners(observed, host_id, scope, "ports")
    for key, port in ports.items():
        link = observed[key]
        if isinstance(link, Veth) and link.netns == HOST and link.alias:
            found.setdefault(port, []).extend(_remembered(link))
    for address in _addresses(observed):
        owner = ports.get(link_key(address.netns, address.ifname))
        if owner is not None:
            found.setdefault(owner, []).append(address.cidr.split("/")[0])
    return {port: tuple(dict.fromkeys(addresses)) for port, addresses in found.items() if addresses}


def held_pool(observed: State, host_id: str, scope: str) -> dict[PoolKey, str]:
    """Facts.pool_held: (tenant, network, family) to the pool address that its router has."""
    routers = _owners(observed, host_id, scope, "routers")
    found: dict[PoolKey, str] = {}
    for address in _addresses(observed):
        router = routers.get(link_key(address.netns, address.ifname))
        bare, _, length = address.cidr.partition("/")
        if router is not None and address.ifname == UPLINK and length in ("32", "128"):
            found.setdefault((*router, address.family), bare)
    return found


def taken_pool(observed: State, host_id: str, scope: str) -> frozenset[str]:
    """Facts.pool_taken: pool addresses of other scopes, by the host's routes over their transit links."""
    return frozenset(
        route.dst.split("/")[0]
        for route in observed.values()
        if isinstance(route, Route) and route.netns == HOST and route.dst.endswith(("/32", "/128"))
        if _is_others(observed.get(link_key(HOST, route.ifname)), host_id, scope)
    )


def _owners(observed: State, host_id: str, scope: str, what: str) -> Mapping[Key, PortKey]:
    """The links of all ports (or routers) of the scope, with the tenant and the name of each."""
    found = {}
    for key, link in observed.items():
        mark = Mark.parse(link.alias) if isinstance(link, Link) else None
        if mark and mark[:2] == (host_id, scope):
            parts = mark.object.split("/")
            if len(parts) == 4 and parts[2] == what:
                found[key] = (parts[1], parts[3])
    return found


def _remembered(stitch: Link) -> Iterator[str]:
    """The words after the mark of a stitch. A port on the host itself has the user's own there."""
    if stitch.ifname.startswith("ws"):
        yield from (stitch.alias or "").split(" ")[1:]


def _addresses(observed: State) -> list[Address]:
    """Those that weft made first."""
    found = [obj for obj in observed.values() if isinstance(obj, Address)]
    return sorted(found, key=lambda address: address.protocol != PROTOCOL)


def _is_others(link: object, host_id: str, scope: str) -> bool:
    mark = Mark.parse(link.alias) if isinstance(link, Link) else None
    return mark is not None and mark.host_id == host_id and mark.scope != scope
