"""What every router is made of: a namespace that forwards, a leg on each network, a transit link to the host.

Rules: the transit carries fixed link-local addresses only, the same on every one, so that no prefix of the tenant's or
the host's is spent on it; IPv4 routes go by an IPv6 next hop over it (RFC 5549).
"""

from __future__ import annotations

from weft.compiler.addressing import Assigned
from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.naming import altnames, mac
from weft.compiler.router.chains import FORWARD, Slot
from weft.compiler.router.place import HOST_END, ROUTER_END, TRANSIT_PREFIX, UPLINK, Leg, RouterPlace
from weft.compiler.routing import IPV6_METRIC, default_route
from weft.compiler.settings import compile_sysctl
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import MAIN_TABLE, Route
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.setting.sysctl import FORWARDING
from weft.model.intent import Path
from weft.state import HOST, Key, link_key

CLAMP = "tcp flags syn tcp option maxseg size set rt mtu"
"""The lesser of the MTUs of both directions, less the headers; never raised. Source: net/netfilter/nft_rt.c get_tcpmss,
net/netfilter/nft_exthdr.c nft_exthdr_tcp_set_eval."""

_DETECTION = "net/ipv6/conf/default/accept_dad"
"""Of the link-local addresses that the kernel makes for a router's links: their MACs are weft's own, so they are nobody
else's. Until it is over the router asks for no neighbour of what it forwards: two seconds without IPv6 from outside.
Source: net/ipv6/ndisc.c ndisc_send_ns, net/ipv6/addrconf.c addrconf_dad_begin."""


def compile_namespace(draft: Draft, place: RouterPlace) -> None:
    """Put the router, its legs, and its transit link where it leads out."""
    draft.put(Namespace(name=place.netns, alias=place.mark), place.path)
    compile_sysctl(draft, place.netns, FORWARDING[4], "1", place.path)
    if place.transit or "ipv6" in draft.facts.features:
        compile_sysctl(draft, place.netns, FORWARDING[6], "1", place.path)
        compile_sysctl(draft, place.netns, _DETECTION, "0", place.path)
    for leg in place.legs:
        if not leg.port:
            _leg(draft, place, leg)
    if place.transit:
        _transit(draft, place)
    if place.narrows:
        _clamping(draft, place)


def route_back(place: RouterPlace, dst: str, table: int = MAIN_TABLE) -> Route:
    """The host's route to what lies behind the router."""
    metric = IPV6_METRIC if ":" in dst else 0
    return Route(netns=HOST, dst=dst, ifname=place.transit, via=ROUTER_END, metric=metric, table=table)


def outside_address(place: RouterPlace, address: str) -> Address:
    """What the router is known by outside, on its end of the transit link."""
    family = 6 if ":" in address else 4
    cidr = f"{address}/{128 if family == 6 else 32}"
    return Address(netns=place.netns, ifname=UPLINK, cidr=cidr, nodad=True if family == 6 else None)


def _clamping(draft: Draft, place: RouterPlace) -> None:
    """Where one link is narrower than another: TCP is told on both sides to send no larger segments than pass, for what
    a router says of too large packets is often filtered."""
    if "nft_inet" in draft.facts.features:
        place.chains.add(FORWARD, Slot.CLAMP, (CLAMP,))
        return
    most = max(network.mtu for network in place.networks)
    least = min([*(network.mtu for network in place.networks), *([place.out_mtu] if place.transit else [])])
    what = f"the way out carries {least} of {most} bytes, and TCP cannot be told"
    path: Path = (*place.path, "uplink") if place.uplink else place.path
    draft.warn(path, what, f"`mtu: {least}`, or load the kernel's nf_tables_inet module", Cause.FEATURE)


def _end(
    place: RouterPlace, identity: str, ends: tuple[Key, Key], role: str, mtu: int, names: str = "", master: str = ""
) -> Veth:
    at, peer = ends
    return Veth(
        netns=at.netns,
        ifname=at.name,
        alias=place.mark,
        mac=mac(identity, role),
        mtu=mtu,
        up=True,
        master=master or None,
        altnames=altnames(names) if names else (),
        peer_netns=peer.netns,
        peer_ifname=peer.name,
    )


def _leg(draft: Draft, place: RouterPlace, leg: Leg) -> None:
    """The pair between a bridge and the router, which has its addresses there on it."""
    near, far, network = leg.on_bridge, place.leg(leg), leg.network
    network.legs += 1
    draft.link(_end(place, leg.id, (near, far), "leg", network.mtu, leg.label, network.bridge), leg.path)
    draft.link(_end(place, leg.id, (far, near), "leg-peer", network.mtu), leg.path)
    for assigned in leg.addresses:
        draft.put(_leg_address(far, assigned), leg.path)


def _leg_address(link: Key, assigned: Assigned) -> Address:
    nodad = True if assigned.pool.family == 6 else None
    return Address(netns=link.netns, ifname=link.name, cidr=assigned.cidr, nodad=nodad)


def _transit(draft: Draft, place: RouterPlace) -> None:
    """The pair between the router and the host, and the routes over it."""
    outer, inner = link_key(HOST, place.transit), link_key(place.netns, UPLINK)
    readable = f"{draft.names.scope}.{place.tenant}.{place.name}"
    draft.link(_end(place, place.id, (outer, inner), "transit", place.out_mtu, readable), place.path)
    draft.link(_end(place, place.id, (inner, outer), "transit-peer", place.out_mtu), place.path)
    for link, address in ((outer, HOST_END), (inner, ROUTER_END)):
        cidr = f"{address}/{TRANSIT_PREFIX}"
        draft.put(Address(netns=link.netns, ifname=link.name, cidr=cidr, nodad=True), place.path)
    for family in (4, 6) if place.uplink else sorted(place.out):
        draft.put(default_route(place.netns, UPLINK, HOST_END, family), place.path)
