"""The router that `uplink:` is short for: a namespace with a leg on the network and a transit link to the host.

Rules: the transit carries fixed link-local addresses only, the same on every one, so that no prefix of the tenant's or
the host's is spent on it; IPv4 routes go by an IPv6 next hop over it (RFC 5549). The router holds every gateway address
of its network. Translation is done twice: here to the network's pool address, on the host to the host's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.compiler.addressing import AddressPool
from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.naming import altnames, identity, mac, plain_ifname, short_id
from weft.compiler.network import Segment
from weft.compiler.pools import PoolKey, families
from weft.compiler.routing import IPV6_METRIC, default_route
from weft.compiler.settings import compile_sysctl
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path, Uplink
from weft.records import dataclass
from weft.state import HOST, Key, link_key

HOST_END = "fe80::1"
ROUTER_END = "fe80::2"
TRANSIT_PREFIX = 64
UPLINK = "uplink"
TRANSIT_MAPS = {4: "ports4", 6: "ports6"}
"""In the router: from a port's address to the one of the pool that the host tells it by."""
SRCNAT_PRIORITY = 100
"""Source: linux/netfilter_ipv4.h NF_IP_PRI_NAT_SRC."""
MANGLE_PRIORITY = -150
"""Source: linux/netfilter_ipv4.h NF_IP_PRI_MANGLE."""

CLAMP = "tcp flags syn tcp option maxseg size set rt mtu"
"""The lesser of the MTUs of both directions, less the headers; never raised. Source: net/netfilter/nft_rt.c get_tcpmss,
net/netfilter/nft_exthdr.c nft_exthdr_tcp_set_eval."""

FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}

_DETECTION = "net/ipv6/conf/default/accept_dad"
"""Of the link-local addresses that the kernel makes for a router's links: their MACs are weft's own, so they are nobody
else's. Until it is over the router asks for no neighbour of what it forwards: two seconds without IPv6 from outside.
Source: net/ipv6/ndisc.c ndisc_send_ns, net/ipv6/addrconf.c addrconf_dad_begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPlace:
    """A router with all that was derived for it. `pool`: family -> its address for the host, none when routed."""

    segment: Segment
    path: Path
    id: str
    netns: str
    transit: str
    mark: str
    pool: Mapping[int, str]


def compile_router(
    draft: Draft, segment: Segment, pools: Mapping[PoolKey, str], *, told_apart: bool
) -> RouterPlace | None:
    """Put the router of a network; None where it can have none. `told_apart`: whether there are ports that the host is
    to know by addresses of their own (see compiler/transit.py)."""
    if not segment.gateways:
        what = "no subnet" if not segment.pools else "no subnet with a gateway"
        draft.error((*segment.path, "uplink"), f"the network has {what} to lead out", "`subnets: [10.0.0.0/24]`")
        return None
    for feature in ("ipv6", "veth"):
        draft.need(feature, segment.path, "`uplink:` cannot do without")
    place = _place(draft, segment, pools)
    draft.put(Namespace(name=place.netns, alias=place.mark), place.path)
    for sysctl in FORWARDING.values():
        compile_sysctl(draft, place.netns, sysctl, "1", place.path)
    compile_sysctl(draft, place.netns, _DETECTION, "0", place.path)
    _leg(draft, place)
    _transit(draft, place)
    if segment.uplink is Uplink.NAT:
        _translation(draft, place, told_apart)
    if segment.out_mtu < segment.mtu:
        _clamping(draft, place)
    return place


def _clamping(draft: Draft, place: RouterPlace) -> None:
    """Where the way out is narrower than the network: TCP is told on both sides to send no larger segments than pass,
    for what a router says of too large packets is often filtered."""
    if "nft_inet" not in draft.facts.features:
        what = f"the way out carries {place.segment.out_mtu} of {place.segment.mtu} bytes, and TCP cannot be told"
        fix = f"`mtu: {place.segment.out_mtu}`, or load the kernel's nf_tables_inet module"
        draft.warn((*place.path, "uplink"), what, fix, Cause.FEATURE)
        return
    table = NftTable(netns=place.netns, family="inet", name=draft.names.table)
    draft.share(table, place.path)
    draft.put(
        NftChain(
            netns=place.netns,
            family="inet",
            table=table.name,
            name="forward",
            rules=(CLAMP,),
            type="filter",
            hook="forward",
            priority=MANGLE_PRIORITY,
        ),
        place.path,
    )


def _place(draft: Draft, segment: Segment, pools: Mapping[PoolKey, str]) -> RouterPlace:
    own_id = identity(draft.names.scope, f"tenants/{segment.former_tenant}/routers/{segment.former}")
    keys = ((family, (segment.tenant, segment.name, family)) for family in families(segment))
    return RouterPlace(
        segment=segment,
        path=segment.path,
        id=own_id,
        netns=draft.names.router_netns(segment.former_tenant, segment.former),
        transit=f"wu{short_id(own_id)}",
        mark=draft.names.mark(f"tenants/{segment.tenant}/routers/{segment.name}"),
        pool={family: pools[key] for family, key in keys if key in pools},
    )


def _end(
    place: RouterPlace, at: Key, peer: Key, role: str, mtu: int, names: tuple[str, ...] = (), master: str = ""
) -> Veth:
    return Veth(
        netns=at.netns,
        ifname=at.name,
        alias=place.mark,
        mac=mac(place.id, role),
        mtu=mtu,
        up=True,
        master=master or None,
        altnames=names,
        peer_netns=peer.netns,
        peer_ifname=peer.name,
    )


def _leg(draft: Draft, place: RouterPlace) -> None:
    """The pair between the bridge and the router, which has the gateways' addresses on it."""
    segment = place.segment
    near = link_key(segment.netns, f"wr{short_id(place.id)}")
    far = link_key(place.netns, _leg_ifname(segment.former))
    readable = altnames(f"router-{segment.name}")
    draft.link(_end(place, near, far, "leg", segment.mtu, readable, segment.bridge), place.path)
    draft.link(_end(place, far, near, "leg-peer", segment.mtu), place.path)
    for pool in segment.gateways:
        draft.put(_gateway_address(far, pool), place.path)


def _leg_ifname(network: str) -> str:
    return network if plain_ifname(network) and network != UPLINK else "leg0"


def _gateway_address(link: Key, pool: AddressPool) -> Address:
    cidr = f"{pool.gateway_text}/{pool.network.prefixlen}"
    return Address(netns=link.netns, ifname=link.name, cidr=cidr, nodad=True if pool.family == 6 else None)


def _transit(draft: Draft, place: RouterPlace) -> None:
    """The pair between the router and the host, and the routes over it."""
    outer, inner = link_key(HOST, place.transit), link_key(place.netns, UPLINK)
    segment = place.segment
    readable = altnames(f"{draft.names.scope}.{segment.tenant}.{segment.name}")
    draft.link(_end(place, outer, inner, "transit", segment.out_mtu, readable), place.path)
    draft.link(_end(place, inner, outer, "transit-peer", segment.out_mtu), place.path)
    for link, address in ((outer, HOST_END), (inner, ROUTER_END)):
        cidr = f"{address}/{TRANSIT_PREFIX}"
        draft.put(Address(netns=link.netns, ifname=link.name, cidr=cidr, nodad=True), place.path)
    for family in (4, 6):
        draft.put(default_route(place.netns, UPLINK, HOST_END, family), place.path)
    for pool in segment.gateways if place.segment.uplink is Uplink.ROUTED else ():
        draft.put(route_back(place, pool.cidr), place.path)


def route_back(place: RouterPlace, dst: str) -> Route:
    """The host's route to what lies behind the router."""
    metric = IPV6_METRIC if ":" in dst else 0
    return Route(netns=HOST, dst=dst, ifname=place.transit, via=ROUTER_END, metric=metric)


def _translation(draft: Draft, place: RouterPlace, told_apart: bool) -> None:
    """The pool addresses, the host's routes to them, and the router's own translation: a port's own address first,
    where it has one."""
    for family, address in place.pool.items():
        cidr = f"{address}/{128 if family == 6 else 32}"
        draft.put(Address(netns=place.netns, ifname=UPLINK, cidr=cidr, nodad=True if family == 6 else None), place.path)
        draft.put(route_back(place, cidr), place.path)
    table = draft.names.table
    draft.share(NftTable(netns=place.netns, family="inet", name=table), place.path)
    own = tuple(_snat_by_map(family) for family in place.pool) if told_apart else ()
    rules = tuple(_snat(pool, place.pool[pool.family]) for pool in place.segment.gateways if pool.family in place.pool)
    draft.put(source_nat(place.netns, table, (*own, *rules)), place.path)


def _snat_by_map(family: int) -> str:
    word = "ip6" if family == 6 else "ip"
    return f'oifname "{UPLINK}" snat {word} to {word} saddr map @{TRANSIT_MAPS[family]}'


def _snat(pool: AddressPool, to: str) -> str:
    word = "ip6" if pool.family == 6 else "ip"
    one = pool.network.prefixlen == pool.network.max_prefixlen
    source = str(pool.network.network_address) if one else pool.cidr
    return f'{word} saddr {source} oifname "{UPLINK}" snat {word} to {to}'


def source_nat(netns: str, table: str, rules: tuple[str, ...]) -> NftChain:
    """A chain that translates sources. Source: nft(8) NAT STATEMENTS."""
    return NftChain(
        netns=netns,
        family="inet",
        table=table,
        name="postrouting",
        rules=rules,
        type="nat",
        hook="postrouting",
        priority=SRCNAT_PRIORITY,
    )
