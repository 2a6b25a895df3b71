"""Anti-spoofing: a port speaks as itself. Its MAC, its addresses in IP, ARP and neighbour discovery, and no DHCP server
nor router advertisement.

Rules: judged where a frame comes in, before the bridge learns from it and before connections are followed. Every link
of a bridge has an element that says what it is: a port, guarded or not, or a way that is weft's own (a router's leg, a
segment), which is trusted. What has none, because somebody put it there by hand, neither speaks nor hears. A port that
is a subnet's gateway sends on what others sent, so only its MAC and what it says of its own addresses is judged; one on
a network without subnets has no addresses to be judged by. What nearly all frames are, TCP and UDP of a port's own
MAC and address, is let in by one lookup before all that (docs/adr/0029-one-lookup-for-most-frames.md).
Source: RFC 826, RFC 4861, RFC 6980 (no fragments in neighbour discovery), RFC 7112 (headers in the first fragment).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import NamedTuple

from weft.compiler.draft import Draft
from weft.compiler.groups import layout
from weft.compiler.groups.layout import Room, quoted
from weft.compiler.groups.logs import GUARD, STRANGER, Logs
from weft.compiler.naming import interface_id
from weft.compiler.place import PortPlace
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Port

GUARDED, GATEWAY, UNADDRESSED, TRUSTED = "goto guard", "goto guard.gateway", "goto guard.unaddressed", "accept"

_NOT_ITS_MAC = f"iifname . ether saddr != @{layout.MACS} goto guard.mac"
_SERVES4 = "udp sport 67 udp dport 68 goto guard.server"
_SERVES6 = "udp sport 547 udp dport 546 goto guard.server"
_ADVERTISES = "icmpv6 type { nd-router-advert, nd-redirect } goto guard.router"
_ANNOUNCES = "icmpv6 type nd-neighbor-advert goto guard.announcement"
_RESOLVED = "meta l4proto 0-255"
"""Its headers lead to an upper layer: else nobody could say that it is no router advertisement."""


def _by_type(ip: str, arp: str, ip6: str) -> str:
    return f"ether type vmap {{ ip : {ip}, arp : {arp}, ip6 : {ip6} }}"


_DROPS = "drop"

_AS_ITSELF4 = f"iifname . ether saddr . ip saddr @{layout.PAIRS4} accept"
_AS_ITSELF6 = f"iifname . ether saddr . ip6 saddr @{layout.PAIRS6} accept"
_LANES = {
    "own4": (f"meta l4proto 6 {_AS_ITSELF4}", f"udp dport != 68 {_AS_ITSELF4}"),
    "own6": (f"meta l4proto 6 {_AS_ITSELF6}", f"udp dport != 546 {_AS_ITSELF6}"),
}
"""What comes to the end of a lane is judged by the entry of its link, so a lane lets in only what the entry would.
`ether type` is asked before, on its own: with `ip saddr` alone nft asks for the packet's protocol, which a frame with a
VLAN tag has too."""
_TO_LANES = ("ether type ip jump own4", "ether type ip6 jump own6")

_CHAINS = {
    "guard": (_NOT_ITS_MAC, _by_type("goto guard.ip", "goto guard.arp", "goto guard.ip6"), _DROPS),
    "guard.gateway": (_NOT_ITS_MAC, _by_type("accept", "goto guard.arp", "goto guard.gateway6"), _DROPS),
    "guard.unaddressed": (_NOT_ITS_MAC, _by_type("goto guard.mute", "accept", "goto guard.mute6"), _DROPS),
    "guard.mac": (_DROPS,),
    "guard.server": (_DROPS,),
    "guard.router": (_DROPS,),
    "guard.ip": (
        _SERVES4,
        f"iifname . ether saddr . ip saddr @{layout.PAIRS4} accept",
        f"iifname . ether saddr . ip saddr @{layout.PREFIXES4} accept",
        "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
        _DROPS,
    ),
    "guard.arp": (
        f"iifname . arp saddr ether . arp saddr ip @{layout.PAIRS4} accept",
        f"iifname . arp saddr ether . arp saddr ip @{layout.PREFIXES4} accept",
        f"iifname . arp saddr ether @{layout.MACS} arp saddr ip 0.0.0.0 accept",
        _DROPS,
    ),
    "guard.ip6": (_ADVERTISES, _SERVES6, _ANNOUNCES, f"{_RESOLVED} goto guard.source6", _DROPS),
    "guard.source6": (
        f"iifname . ether saddr . ip6 saddr @{layout.PAIRS6} accept",
        f"iifname . ether saddr . ip6 saddr @{layout.PREFIXES6} accept",
        "ip6 saddr :: icmpv6 type { mld-listener-report, nd-neighbor-solicit, mld2-listener-report } accept",
        _DROPS,
    ),
    "guard.announcement": (
        f"iifname . @th,64,128 @{layout.TARGETS} goto guard.source6",
        f"iifname @{layout.PROXIES} goto guard.source6",
        _DROPS,
    ),
    "guard.gateway6": (_ANNOUNCES, "accept"),
    "guard.mute": (_SERVES4, "accept"),
    "guard.mute6": (_ADVERTISES, _SERVES6, f"{_RESOLVED} accept", _DROPS),
}
"""A chain that ends with _DROPS drops what comes there, and tells of it by its own name."""

_SETS = {
    layout.MACS: "ifname . ether_addr",
    layout.PAIRS4: "ifname . ether_addr . ipv4_addr",
    layout.PAIRS6: "ifname . ether_addr . ipv6_addr",
    layout.TARGETS: "typeof iifname . @th,64,128",
    layout.PROXIES: "ifname",
}
_MAPS = (layout.ENTRY, layout.SENDERS, layout.RECEIVERS)


class Speaker(NamedTuple):
    """Who a port may speak as: a MAC with an address, or with a `prefix` of several, then `address` is "" and `number`
    0."""

    mac: str
    family: int
    address: str
    number: int
    prefix: str = ""


def guards(room: Room, logs: Logs) -> Iterator[NftChain | NftSet]:
    """What is the same for every tenant: the hooks, and the chains and sets behind them."""
    for name in _MAPS:
        yield room.set(name, "ifname", data="verdict")
    for name, kind in _SETS.items():
        yield room.set(name, kind)
    for name in (GUARD, STRANGER):
        yield room.filling(name)
    for name, (*rules, last) in _CHAINS.items():
        yield room.chain(name, (*rules, *(logs.guard(name) if last is _DROPS else (last,))))
    for name, lane in _LANES.items():
        yield room.chain(name, lane)
    receives = (f"oifname vmap @{layout.RECEIVERS}", *logs.stranger("oifname"))
    yield room.base("receiving", "forward", layout.RECEIVING_PRIORITY, "drop", receives)


def sending(room: Room) -> NftChain:
    """Where frames go on by who sent them: a hook that no packet passes where no port is kept from sending."""
    return room.base("sending", "forward", layout.SENDING_PRIORITY, "accept", (f"iifname vmap @{layout.SENDERS}",))


def entrance(room: Room, logs: Logs, before: Iterable[str] = ()) -> NftChain:
    """Where frames come in. `before`: rules that come first."""
    rules = (*before, *_TO_LANES, f"iifname vmap @{layout.ENTRY}", *logs.stranger("iifname"))
    return room.base("prerouting", "prerouting", layout.GUARD_PRIORITY, "drop", rules)


def guard_port(draft: Draft, room: Room, place: PortPlace) -> None:
    """Put what one port may speak as."""
    link = quoted(place.bridge_ifname)
    verdict = _verdict(place)
    draft.put(room.element(layout.ENTRY, link, verdict), place.path)
    if verdict == TRUSTED:
        return
    said = dict.fromkeys(speakers(place))
    elements = dict.fromkeys(element for speaker in said for element in _elements(link, speaker))
    for name, element in {(layout.MACS, f"{link} . {place.mac}"): None, **elements}:
        draft.put(room.element(name, element), place.path)


def _elements(link: str, speaker: Speaker) -> Iterator[tuple[str, str]]:
    """Sets and elements: as whom the port of a link may speak."""
    yield layout.MACS, f"{link} . {speaker.mac}"
    if not speaker.address:
        if speaker.family == 6:
            yield layout.PROXIES, link
        return
    yield layout.PAIRS6 if speaker.family == 6 else layout.PAIRS4, f"{link} . {speaker.mac} . {speaker.address}"
    if speaker.family == 6:
        yield layout.TARGETS, f"{link} . 0x{speaker.number:032x}"  # as nft prints a number of so many bits


def prefix_elements(place: PortPlace) -> Iterator[tuple[int, str]]:
    """Family and element of each prefix that is more than one address; of one MAC no prefix within another."""
    link = quoted(place.bridge_ifname)
    wide = {speaker for speaker in speakers(place) if not speaker.address}
    for speaker in wide if _verdict(place) != TRUSTED else ():
        if not any(_is_within(speaker, other) for other in wide):
            yield speaker.family, f"{link} . {speaker.mac} . {speaker.prefix}"


def _is_within(one: Speaker, other: Speaker) -> bool:
    if one == other or (one.mac, one.family) != (other.mac, other.family):
        return False
    mine, wider = ip_network(one.prefix), ip_network(other.prefix)
    return mine.prefixlen >= wider.prefixlen and mine.supernet(new_prefix=wider.prefixlen) == wider


def speakers(place: PortPlace) -> Iterator[Speaker]:
    """All that a port may speak as; as a link-local address that of its MAC alone."""
    for pool, address, number in place.addresses:
        yield Speaker(place.mac, pool.family, address, number)
    yield Speaker(place.mac, 6, *link_local(place.mac))
    for pair in place.port.allowed_address_pairs:
        net, mac = ip_network(pair.ip), pair.mac or place.mac
        if net.prefixlen == net.max_prefixlen:
            yield Speaker(mac, net.version, str(net.network_address), int(net.network_address))
        else:
            yield Speaker(mac, net.version, "", 0, pair.ip)


def has_prefixes(port: Port) -> bool:
    """Whether a port has a share in the sets of prefixes, which are one object each."""
    nets = (ip_network(pair.ip) for pair in port.allowed_address_pairs)
    return any(net.prefixlen < net.max_prefixlen for net in nets)


def link_local(mac: str) -> tuple[str, int]:
    """The IPv6 link-local address of a MAC, as text and number. Source: RFC 4291 appendix A, RFC 5952."""
    tail = interface_id(mac)
    first, *rest = (tail >> shift & 0xFFFF for shift in (48, 32, 16, 0))
    words = ":".join(f"{word:x}" for word in ((first, *rest) if first else rest))
    return f"fe80::{words}", 0xFE80 << 112 | tail


def _verdict(place: PortPlace) -> str:
    if not place.port.port_security:
        return TRUSTED
    if not place.segment.pools:
        return UNADDRESSED
    return GATEWAY if any(number == pool.gateway for pool, _, number in place.addresses) else GUARDED
