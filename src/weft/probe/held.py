"""What the scope holds already, told by marks: addresses of ports, addresses out of the pool. Pure.

Source: docs/topology.md (names and marks).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import takewhile

from weft.compiler.firewall import POOL_SETS
from weft.compiler.router.place import UPLINK
from weft.compiler.tap import STITCH_PREFIX
from weft.compiler.transit import OUTSIDE_MAPS, TRANSIT_MAPS
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.table import TABLE_PREFIX
from weft.records import dataclass
from weft.state import HOST, PROTOCOL, KernelObject, Key, Mark, State
from weft.wire.address_text import is_address

_POOLS = frozenset((*POOL_SETS.values(), *OUTSIDE_MAPS.values()))
_TRANSITS = frozenset(TRANSIT_MAPS.values())


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose marks are ours."""

    host_id: str
    scope: str

    def mark(self, alias: str | None) -> Mark | None:
        """The mark in an alias where it is ours."""
        mark = Mark.parse(alias)
        return mark if mark and mark[:2] == (self.host_id, self.scope) else None

    def made(self, link: KernelObject | None, observed: State) -> bool:
        """Whether a link is ours by its mark or, where somebody took that away, by the mark of its other end."""
        if not isinstance(link, Link) or self.mark(link.alias):
            return isinstance(link, Link)
        peer = observed.get(link.peer) if isinstance(link, Veth) and not link.alias else None
        return isinstance(peer, Link) and self.mark(peer.alias) is not None


def own_namespaces(observed: State, owner: Owner) -> frozenset[str]:
    spaces = (held for held in observed.values() if isinstance(held, Namespace))
    return frozenset(space.name for space in spaces if owner.mark(space.alias))


def port_addresses(observed: State, owner: Owner) -> dict[tuple[str, str], tuple[str, ...]]:
    """(tenant, port) to its addresses, weft's own first. A tap's are its guest's to set: the alias of its stitch,
    or of a macvtap itself, remembers them."""
    found: dict[tuple[str, str], list[str]] = {}
    addresses = _by_link(observed)
    for link, port in _ports(observed, owner):
        there = addresses.get(link.key, ())
        if len(there) > 1:
            there = sorted(there, key=lambda address: address.protocol != PROTOCOL)
        found.setdefault(port, []).extend(address.cidr.partition("/")[0] for address in there)
        if link.ifname.startswith(STITCH_PREFIX) or isinstance(link, Macvtap):
            found[port].extend(takewhile(is_address, (link.alias or "").split(" ")[1:]))
    return {port: tuple(held) for port, held in found.items() if held}


def pool_addresses(observed: State, owner: Owner) -> dict[tuple[str, str, int], str]:
    """(tenant, router, family) to the address that the router has on its uplink; the router of an uplink has its
    network's name."""
    found: dict[tuple[str, str, int], str] = {}
    uplinks = [held for held in observed.values() if isinstance(held, Link) and held.ifname == UPLINK]
    addresses = _by_link(observed) if uplinks else {}
    for link in uplinks:
        if link.netns == HOST or not owner.mark(link.alias):
            continue
        router = _named(link.alias, "routers")
        for address in addresses.get(link.key, ()) if router else ():
            parsed = ip_address(address.cidr.partition("/")[0])
            if not parsed.is_link_local and router:
                found[(*router, parsed.version)] = str(parsed)
    return found


def transit_addresses(observed: State, owner: Owner) -> dict[tuple[str, str, str], str]:
    """(tenant, router, address of a port) to the pool address that the router gives to it alone."""
    spaces = (held for held in observed.values() if isinstance(held, Namespace) and owner.mark(held.alias))
    routers = {space.name: router for space in spaces if (router := _named(space.alias, "routers"))}
    elements = (held for held in observed.values() if isinstance(held, NftElement) and held.netns in routers)
    own = (held for held in elements if held.table == f"{TABLE_PREFIX}{owner.scope}" and held.set in _TRANSITS)
    return {(*routers[held.netns], held.element): held.value for held in own}


def pool_of_others(observed: State, owner: Owner) -> frozenset[str]:
    """Addresses in the pool sets of other scopes' tables on the host."""
    elements = (held for held in observed.values() if isinstance(held, NftElement) and held.netns == HOST)
    others = (held for held in elements if held.table != f"{TABLE_PREFIX}{owner.scope}")
    return frozenset(held.element for held in others if held.set in _POOLS)


def _own_links(observed: State, owner: Owner) -> Iterator[Link]:
    return (held for held in observed.values() if isinstance(held, Link) and owner.mark(held.alias))


def _ports(observed: State, owner: Owner) -> Iterator[tuple[Link, tuple[str, str]]]:
    for link in _own_links(observed, owner):
        port = _named(link.alias, "ports")
        if port:
            yield link, port


def _named(alias: str | None, what: str) -> tuple[str, str] | None:
    """(tenant, name) of the object tenants/TENANT/WHAT/NAME."""
    mark = Mark.parse(alias)
    words = mark.object.split("/") if mark else []
    return (words[1], words[3]) if len(words) == 4 and words[0] == "tenants" and words[2] == what else None


def _by_link(observed: State) -> dict[Key, list[Address]]:
    found: dict[Key, list[Address]] = {}
    for held in observed.values():
        if isinstance(held, Address):
            found.setdefault(Key("link", held.netns, held.ifname), []).append(held)
    return found
