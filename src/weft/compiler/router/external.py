"""External networks: what lies behind a link of the host's, whose addresses routers are given.

Rules: an address is one thing's; what is given comes first, then what is held, then the lowest free of the pools. What
the host, its neighbours and other scopes have there is nobody's. The network has a routing table of its own on the
host: its subnets by the link, everything else by their gateway, or not at all; a rule for each router leads there what
comes from it, so that it goes out by this network whatever the host's own way out is. The host answers on the link for
each address by an entry of its own (a proxy neighbour), never for all. Source: ip-rule(8), ip-neighbour(8).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from ipaddress import ip_interface
from itertools import islice

from weft.compiler.addressing import AddressPool, Span, nobodys, number_of, overlaps
from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, dotted
from weft.compiler.links.ahead import MtuAhead
from weft.compiler.links.declared import Declared
from weft.compiler.links.ways import Ways
from weft.compiler.naming import identity
from weft.compiler.network import ETHERNET_MTU
from weft.compiler.router.namespace import route_back
from weft.compiler.router.numbers import table_number
from weft.compiler.router.place import RouterPlace
from weft.compiler.routing import DEFAULTS, IPV6_METRIC
from weft.compiler.settings import compile_sysctl
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.model.intent import Intent, Path
from weft.model.links import BridgeLink
from weft.model.router import ExternalNetwork, ExternalSubnet
from weft.records import dataclass
from weft.state import HOST, Key, link_key

_PROXY_DELAY = {4: "net/ipv4/neigh/{}/proxy_delay", 6: "net/ipv6/neigh/{}/proxy_delay"}
"""How long the kernel waits before it answers for another, at most: 0.8 s unless told otherwise. Nobody else answers
for these addresses. Source: arp(7), net/core/neighbour.c pneigh_enqueue."""


_LOOSE = "2"
"""What comes in by a link need not be what the host would send back by it: that goes by its own way out. Source:
ip-sysctl.rst rp_filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPlace:
    """An external network. `mtu`: its link's, in bytes. `pools`: its subnets; `choices`: by subnet, what addresses are
    chosen from. `table`: its routing table on the host. `given`: addresses that the intent gives, and where."""

    name: str
    path: Path
    link: str
    mtu: int
    pools: tuple[AddressPool, ...]
    choices: tuple[tuple[AddressPool, ...], ...]
    table: int
    given: dict[str, Path] = field(default_factory=dict)

    @property
    def families(self) -> frozenset[int]:
        return frozenset(pool.family for pool in self.pools)

    def pool_of(self, address: str) -> AddressPool | None:
        """The subnet that an address is in."""
        family, number = number_of(address)
        return next((pool for pool in self.pools if pool.spans(family, number)), None)

    def lowest(self, family: int, owner: str) -> str | None:
        """The lowest free address of a family, now the owner's."""
        for pool, choices in zip(self.pools, self.choices, strict=True):
            for choice in choices if pool.family == family else ():
                number = choice.take_lowest(owner)
                if number is not None:
                    return pool.text(number)
        return None


def external_mtu(ahead: MtuAhead, link: str) -> int:
    """The MTU of the host's link as it will be, in bytes."""
    return ahead.of(link_key(HOST, link)) or ETHERNET_MTU


def place_externals(draft: Draft, intent: Intent, declared: Declared) -> dict[str, ExternalPlace]:
    """All external networks of the file, by name. `declared`: the links that it speaks of."""
    spans: list[Span] = []
    found: dict[str, ExternalPlace] = {}
    tables: set[int] = set()
    if not intent.external_networks:
        return found
    holders, lent = _Holders(draft, declared), _lent(intent)
    ahead = MtuAhead(draft, declared, Ways(draft, declared))
    for name, network in intent.external_networks.items():
        path = ("external_networks", name)
        own_id = identity(draft.names.scope, f"external_networks/{network.was or name}", network.id)
        if not draft.identify(own_id, path):
            continue
        _check_link(draft, declared, lent, network, path)
        pools = tuple(_pools(draft, network, path))
        spans += (pool.span._replace(path=(*path, "subnets", str(at))) for at, pool in enumerate(pools))
        holders.reserve(pools)
        pairs = enumerate(zip(pools, network.subnets, strict=True))
        found[name] = ExternalPlace(
            name=name,
            path=path,
            link=network.link,
            mtu=external_mtu(ahead, network.link),
            pools=pools,
            choices=tuple(_choices(draft, pool, subnet, (*path, "subnets", str(at))) for at, (pool, subnet) in pairs),
            table=table_number(draft, own_id, tables),
        )
    for wide, narrow in overlaps(spans):
        draft.error(narrow.path, f"{narrow.cidr} overlaps {wide.cidr} of {dotted(wide.path[:2])}", "prefixes apart")
    return found


def claim(draft: Draft, external: ExternalPlace, address: str, owner: str, path: Path) -> bool:
    """Take a given address for its owner; a finding where it cannot have it."""
    pool = external.pool_of(address)
    _, number = number_of(address)
    if pool is None:
        what = f"{address} is in no subnet of external network {external.name}"
        draft.error(path, what, f"its subnets: {', '.join(one.cidr for one in external.pools) or 'none'}")
    elif not pool.is_hosts(number):
        draft.error(path, f"{address} is no host's address in {pool.cidr}", _between(pool))
    elif number in pool.holders:
        what, theirs = f"{address} is {pool.holders[number]}", Key("address", HOST, address)
        if draft.misfit(path, theirs, what, _between(pool)):
            external.given[address] = path
        return draft.lenient
    elif number == pool.gateway:
        draft.error(path, f"{address} is the gateway of {pool.cidr}", _between(pool))
    elif other := pool.take(number, owner):
        draft.error(path, f"{address} is {other}'s" if other != owner else f"{address} is given twice", _between(pool))
    else:
        external.given[address] = path
        return True
    return False


def _between(pool: AddressPool) -> str:
    return f"another of {pool.hosts}"


def put_address(draft: Draft, router: RouterPlace, external: ExternalPlace, address: str, path: Path) -> None:
    """Have an address answered for on the external network's link, and lead what comes for it to a router."""
    cidr = f"{address}/{128 if ':' in address else 32}"
    draft.put(Neighbour(netns=HOST, ifname=external.link, address=address, proxy=True), path)
    put_routes(draft, router, external, cidr, path)


def put_routes(draft: Draft, router: RouterPlace, external: ExternalPlace, cidr: str, path: Path) -> None:
    """Lead a prefix to a router: for the host and what comes in, and for what comes from other routers."""
    draft.put(route_back(router, cidr), path)
    draft.put(route_back(router, cidr, external.table), path)


def compile_external(draft: Draft, external: ExternalPlace) -> None:
    """Put the routing table of an external network that routers lead to, and what its link needs."""
    for pool in external.pools:
        metric = IPV6_METRIC if pool.family == 6 else 0
        draft.put(
            Route(netns=HOST, dst=pool.cidr, ifname=external.link, table=external.table, metric=metric), external.path
        )
    for family, dst in DEFAULTS.items():
        draft.put(_default(external, family, dst), external.path)
    if 6 in external.families:
        compile_sysctl(draft, HOST, f"net/ipv6/conf/{external.link}/proxy_ndp", "1", external.path)
    for family in sorted(external.families):
        compile_sysctl(draft, HOST, _PROXY_DELAY[family].format(external.link), "0", external.path)
    if external.link in draft.facts.strict_links and external.link not in draft.facts.egress_links:
        compile_sysctl(draft, HOST, f"net/ipv4/conf/{external.link}/rp_filter", _LOOSE, external.path)


def _default(external: ExternalPlace, family: int, dst: str) -> Route:
    """By the first subnet of the family that has a gateway; unreachable without."""
    metric = IPV6_METRIC if family == 6 else 0
    gateway = next((pool.gateway_text for pool in external.pools if pool.family == family and pool.gateway), "")
    if not gateway:
        return Route(netns=HOST, dst=dst, type="unreachable", table=external.table, metric=metric)
    return Route(
        netns=HOST, dst=dst, ifname=external.link, via=gateway, onlink=True, table=external.table, metric=metric
    )


def _lent(intent: Intent) -> dict[str, str]:
    """The links of the host's that become ports of a bridge, each with the first network that stands on it."""
    found: dict[str, str] = {}
    for tenant, held in intent.tenants.items():
        for name, one in held.networks.items():
            segment = one.segment
            if segment and segment.link and segment.vlan is None and segment.mode is None and not segment.vni:
                found.setdefault(segment.link, f"{tenant}/{name}")
    return found


def _check_link(
    draft: Draft, declared: Declared, lent: Mapping[str, str], network: ExternalNetwork, path: Path
) -> None:
    """Find a link that is not there, and one that what comes in by it is taken from."""
    link, where = network.link, (*path, "link")
    said = declared.get(link_key(HOST, link))
    if not draft.has_link(link) and link not in draft.made_links and not draft.lack_link(where, link):
        return
    there = draft.facts.links.get(link)
    own = said.spec.master if said else None
    if master := own or (there.master if there else ""):
        what, fix = f"{link} is a port of {master}, which takes what comes in by it", f"`link: {master}`"
        if own:
            draft.error(where, what, fix, Cause.MACHINE)
        else:
            draft.misfit(where, link_key(HOST, link), what, fix)
    kind = said.spec.kind if said and said.spec.kind else there.link_kind if there else ""
    if kind != BridgeLink.kind and link in lent:
        what = f"{link} becomes a port of a bridge, for network {lent[link]} stands on it"
        draft.error(where, what, "a VLAN of it for one of the two, or a bridge of yours as the `link:` of both")


def _pools(draft: Draft, network: ExternalNetwork, path: Path) -> Iterator[AddressPool]:
    for at, subnet in enumerate(network.subnets):
        where = (*path, "subnets", str(at))
        pool = AddressPool.of(subnet.cidr)
        if wrong := nobodys(pool.span):
            draft.error(where, wrong, "a prefix that is routed to the link")
        elif pool.network.num_addresses == 1:
            draft.error(
                where, f"{subnet.cidr} is one address, no subnet", "the prefix that it is of, and `pools: [ADDRESS]`"
            )
        if subnet.gateway is not None:
            if misplaced := pool.misplaced(subnet.gateway):
                draft.error((*where, "gateway"), *misplaced)
            else:
                pool = AddressPool.of(subnet.cidr, number_of(subnet.gateway)[1])
        yield pool


def _choices(draft: Draft, pool: AddressPool, subnet: ExternalSubnet, path: Path) -> tuple[AddressPool, ...]:
    """What addresses of a subnet are chosen from: its ranges, which know what is taken in all of it."""
    if not subnet.pools:
        return (pool,)
    found = []
    for at, text in enumerate(subnet.pools):
        (family, low), (other, high) = ends(text)
        if pool.spans(family, low) and pool.spans(other, high):
            found.append(pool.part(max(low, pool.first), min(high, pool.last)))
        else:
            draft.error((*path, "pools", str(at)), f"{text} is outside {pool.cidr}", f"within {pool.hosts}")
    return tuple(found)


def ends(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first and the last address of a range, or of one address."""
    first, _, last = text.partition("-")
    return number_of(first), number_of(last or first)


class _Holders:
    """What others have already."""

    def __init__(self, draft: Draft, declared: Declared) -> None:
        found = _held(draft, declared)
        self._held = sorted((*number_of(address), holder) for address, holder in found.items())

    def reserve(self, pools: Iterable[AddressPool]) -> None:
        """Keep it from being chosen."""
        for pool in pools:
            first = bisect_left(self._held, (pool.family, pool.span.low))
            for family, number, holder in islice(self._held, first, None):
                if not pool.spans(family, number):
                    break
                pool.hold(number, holder)


def _held(draft: Draft, declared: Declared) -> Mapping[str, str]:
    """Addresses that the host has, leads elsewhere or knows as a neighbour's, with whose each is."""
    found: dict[str, str] = {}
    for prefix in draft.facts.host_routes:
        address, _, length = prefix.partition("/")
        if length == ("128" if ":" in address else "32"):
            found[address] = "led elsewhere by a route of the host's"
    for ifname, address in draft.facts.host_neighbours:
        found[address] = f"a neighbour's by an entry of the host's on {ifname}"
    there = [(ifname, link.addresses) for ifname, link in draft.facts.links.items()]
    said = [(key.name, entry.spec.addresses) for key, entry in declared.items() if key.netns == HOST]
    for ifname, addresses in (*there, *said):
        for cidr in addresses:
            found[str(ip_interface(cidr).ip)] = f"the host's own, on {ifname}"
    return found
