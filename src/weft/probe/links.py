"""The host's own links and routes as facts: what is there, and by which links the host reaches the world. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_interface
from types import MappingProxyType

from weft.backends.carriers import Carrier
from weft.backends.former import Entry, to_put_back
from weft.facts import ForeignLink, Line
from weft.kinds import KINDS
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import MAIN_TABLE, Route
from weft.kinds.link.common import Link, OtherLink
from weft.probe.held import Owner
from weft.state import HOST, State, link_key
from weft.wire.route import RTPROT_RA

DEFAULTS = frozenset({"0.0.0.0/0", "::/0"})
DEFAULT_MTU = 1500

_NONE: Mapping[str, int] = MappingProxyType({})


def foreign(observed: State, owner: Owner, own_mtus: Mapping[str, int] = _NONE) -> dict[str, ForeignLink]:
    """The host's links that the scope did not make, by name; other scopes' links are among them. `own_mtus`: see there.

    The MTU is the one that the link has without the scope, so that what is derived does not follow the scope's own.
    """
    addresses: dict[str, list[str]] = {}
    for held in observed.values():
        if isinstance(held, Address) and held.netns == HOST:
            addresses.setdefault(held.ifname, []).append(held.cidr)
    return {
        link.ifname: ForeignLink(
            ifname=link.ifname,
            link_kind=_kind(link),
            mtu=own_mtus.get(link.ifname) or link.mtu or DEFAULT_MTU,
            master=link.master or "",
            addresses=tuple(addresses.get(link.ifname, ())),
            altnames=link.altnames or (),
        )
        for link in observed.values()
        if isinstance(link, Link) and link.netns == HOST and not owner.made(link, observed)
    }


def own_mtus(entries: Iterable[Entry], observed: State, scope: str) -> dict[str, int]:
    """Where the scope alone has set a host's link's MTU: the one that destroy would put back, by the link's name."""
    found: dict[str, int] = {}
    for entry in entries:
        ifname, _, attribute = entry.key.name.partition(" ")
        link = observed.get(link_key(HOST, ifname))
        if (entry.key.table, entry.key.netns, attribute) == ("link-setting", HOST, "mtu") and isinstance(link, Link):
            former = to_put_back(entry, now=str(link.mtu), cookie=entry.cookie, scope=scope)
            found.update({ifname: int(former)} if former else {})
    return found


MULTIQUEUE = "mq"
"""The kernel's own root qdisc of hardware with several queues. Source: net/sched/sch_mq.c."""


def line(carrier: Carrier) -> Line:
    queues = carrier.queues if carrier.qdisc == MULTIQUEUE else 1
    return Line(mac=carrier.mac, queues=queues, speed_bps=carrier.speed_bps)


def default_routes(observed: State) -> list[Route]:
    """The host's default routes, the preferred first."""
    routes = [route for route in _host_routes(observed) if route.dst in DEFAULTS and route.ifnames]
    return sorted(routes, key=lambda route: route.metric)


def egress(default: Sequence[Route]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ifname for route in default for ifname in route.ifnames))


def by_advertisement(default: Sequence[Route]) -> tuple[str, ...]:
    """Those whose IPv6 default route came by router advertisement. Source: linux/rtnetlink.h RTPROT_RA."""
    return egress([route for route in default if route.family == 6 and route.protocol == RTPROT_RA])


def prefixes(observed: State, owner: Owner) -> tuple[str, ...]:
    """What the host has routes for that the scope did not make; the default routes, which cover all, left out.
    Routes of the kernel's own to the networks of addresses are not observed: they follow from the addresses."""
    routed = (
        r.dst for r in _host_routes(observed) if r.dst not in DEFAULTS and not _stands_on_ours(r, observed, owner)
    )
    connected = (
        str(ip_interface(address.cidr).network)
        for address in observed.values()
        if isinstance(address, Address) and address.netns == HOST and not _stands_on_ours(address, observed, owner)
    )
    return tuple(sorted({*routed, *connected}))


def _host_routes(observed: State) -> Iterator[Route]:
    return (
        held
        for held in observed.values()
        if isinstance(held, Route) and held.netns == HOST and held.table == MAIN_TABLE
    )


def _stands_on_ours(held: Address | Route, observed: State, owner: Owner) -> bool:
    links = [observed.get(on) for on in held.lives_on if on.table == "link"]
    return bool(links) and all(owner.made(link, observed) for link in links)


def _kind(link: Link) -> str:
    return link.link_kind if isinstance(link, OtherLink) else KINDS.of(link).name
