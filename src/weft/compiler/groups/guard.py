"""Anti-spoofing: a port speaks as itself. Its MAC, its addresses in IP, ARP and neighbour discovery, and no DHCP server
nor router advertisement.

Rules: judged where a frame comes in, before the bridge learns from it and before connections are followed. Every link
of a bridge has an element that says what it is: a port, guarded or not, or a way that is weft's own (a router's leg, a
segment), which is trusted. What has none, because somebody put it there by hand, neither speaks nor hears. A port that
is a subnet's gateway sends on what others sent, so only its MAC and what it says of its own addresses is judged; one on
a network without subnets has no addresses to be judged by. Who asks for an address that he wants to have keeps others
from having it, so that too is asked of its own addresses alone. What nearly all frames are, TCP and UDP of a port's own
MAC and address, is let in by one lookup before all that (docs/adr/0029-one-lookup-for-most-frames.md).
Source: RFC 826, RFC 4861, RFC 4862 and RFC 5227 (whoever probes for an address too is in conflict), RFC 6980 (no
fragments in neighbour discovery), RFC 7112 (headers in the first fragment), RFC 7113 (what hides advertisements),
RFC 7527 (a nonce in what detects duplicates).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Network, collapse_addresses, ip_network
from typing import NamedTuple

from weft.compiler.draft import Draft
from weft.compiler.groups import layout
from weft.compiler.groups.layout import FilterTable, quoted
from weft.compiler.groups.logs import GUARD, STRANGER, Logs
from weft.compiler.groups.matches import IpNetwork
from weft.compiler.naming import interface_id
from weft.compiler.place import PortPlace
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Port

GUARDED, GATEWAY, UNADDRESSED, TRUSTED = "goto guard", "goto guard.gateway", "goto guard.unaddressed", "accept"

_NOT_ITS_MAC = f"iifname . ether saddr != @{layout.MACS} goto guard.mac"
_SERVES4 = "udp dport 68 goto guard.server"
_SERVES6 = "udp dport 546 goto guard.server"
"""A client looks at the port it listens to; from which one it was sent, hardly any asks."""
_RESOLVED = "meta l4proto 0-255"
"""Its headers lead to an upper layer: else nobody could say that it is no router advertisement."""


def _discovers(**verdicts: str) -> str:
    """By type of neighbour discovery: `asks` for routers, `solicits`, `announces`."""
    types = {"asks": "nd-router-solicit", "solicits": "nd-neighbor-solicit", "announces": "nd-neighbor-advert"}
    said = {types[word]: verdict for word, verdict in verdicts.items()}
    if "asks" in verdicts:
        said |= {"nd-router-advert": "goto guard.router", "nd-redirect": "goto guard.router"}
    in_order = ((one, said[one]) for one in _ND_TYPES if one in said)
    return f"icmpv6 type vmap {{ {', '.join(f'{one} : {verdict}' for one, verdict in in_order)} }}"


def _card(option: int, at_bits: int) -> tuple[str, ...]:
    """Of a kind of neighbour discovery the rules that let go on what names no MAC, or with one option, one that the
    port has. `at_bits`: where its options begin. What stands in an order or behind headers that nobody needs is
    neither: nft reads at fixed places alone."""
    bare, one = at_bits // 8, at_bits // 8 + 8
    card = f"@th,{at_bits},16 {option << 8 | 1:#x} iifname . @th,{at_bits + 16},48 @{layout.CARDS}"
    return f"ip6 length {bare} {_AT_ONCE} return", f"ip6 length {one} {_AT_ONCE} {card} return"


def _by_type(ip: str, arp: str, ip6: str) -> str:
    return f"ether type vmap {{ ip : {ip}, arp : {arp}, ip6 : {ip6} }}"


_DROPS = "drop"
_ANNOUNCES = "goto guard.announcement"
_ND_TYPES = ("nd-router-solicit", "nd-router-advert", "nd-neighbor-solicit", "nd-neighbor-advert", "nd-redirect")
"""As nft prints them: by number."""
_AT_ONCE = "ip6 nexthdr 58"
"""No other header between, and so no fragment."""
_SOURCE_OPTION, _TARGET_OPTION = 1, 2
"""Link-layer addresses. Source: RFC 4861 section 4.6.1."""

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
    "guard.unaddressed": (_NOT_ITS_MAC, _by_type("goto guard.mute", "goto guard.mute.arp", "goto guard.mute6"), _DROPS),
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
        "arp saddr ip 0.0.0.0 goto guard.probe",
        _DROPS,
    ),
    "guard.probe": (
        f"iifname . arp saddr ether . arp daddr ip @{layout.PAIRS4} accept",
        f"iifname . arp saddr ether . arp daddr ip @{layout.PREFIXES4} accept",
        _DROPS,
    ),
    "guard.ip6": (
        _discovers(asks="jump guard.card.router", solicits="goto guard.solicitation", announces=_ANNOUNCES),
        _SERVES6,
        f"{_RESOLVED} goto guard.source6",
        _DROPS,
    ),
    "guard.source6": (
        f"iifname . ether saddr . ip6 saddr @{layout.PAIRS6} accept",
        f"iifname . ether saddr . ip6 saddr @{layout.PREFIXES6} accept",
        "ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept",
        _DROPS,
    ),
    "guard.solicitation": ("ip6 saddr :: goto guard.detection", "jump guard.card.source", "goto guard.source6"),
    "guard.detection": (
        f"iifname . @th,64,128 @{layout.TARGETS} accept",
        f"iifname . @th,64,128 @{layout.PROXIES} accept",
        _DROPS,
    ),
    "guard.announcement": (
        "jump guard.card.target",
        f"iifname . @th,64,128 @{layout.TARGETS} goto guard.source6",
        f"iifname . @th,64,128 @{layout.PROXIES} goto guard.source6",
        _DROPS,
    ),
    "guard.card.router": (*_card(_SOURCE_OPTION, 64), _DROPS),
    "guard.card.source": ("ip6 saddr :: return", *_card(_SOURCE_OPTION, 192), _DROPS),
    "guard.card.target": (*_card(_TARGET_OPTION, 192), _DROPS),
    "guard.gateway6": (_discovers(solicits="goto guard.solicitation", announces=_ANNOUNCES), "accept"),
    "guard.mute": (_SERVES4, "accept"),
    "guard.mute.arp": (f"iifname . arp saddr ether @{layout.MACS} accept", _DROPS),
    "guard.mute6": (
        _discovers(
            asks="jump guard.card.router", solicits="jump guard.card.source", announces="jump guard.card.target"
        ),
        _SERVES6,
        f"{_RESOLVED} accept",
        _DROPS,
    ),
}
"""A chain that ends with _DROPS drops what comes there, and tells of it by its own name."""

_SETS = {
    layout.MACS: "ifname . ether_addr",
    layout.PAIRS4: "ifname . ether_addr . ipv4_addr",
    layout.PAIRS6: "ifname . ether_addr . ipv6_addr",
    layout.TARGETS: "typeof iifname . @th,64,128",
    layout.CARDS: "typeof iifname . @th,208,48",
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


def guards(table: FilterTable, logs: Logs) -> Iterator[NftChain | NftSet]:
    """What is the same for every tenant: the hooks, and the chains and sets behind them."""
    for name in _MAPS:
        yield table.set(name, "ifname", data="verdict")
    for name, kind in _SETS.items():
        yield table.set(name, kind)
    for name in (GUARD, STRANGER):
        yield table.filling(name)
    for name, (*rules, last) in _CHAINS.items():
        yield table.chain(name, (*rules, *(logs.guard(name) if last is _DROPS else (last,))))
    for name, lane in _LANES.items():
        yield table.chain(name, lane)
    receives = (f"oifname vmap @{layout.RECEIVERS}", *logs.stranger("oifname"))
    yield table.base("receiving", "forward", layout.RECEIVING_PRIORITY, "drop", receives)


def sending(table: FilterTable) -> NftChain:
    """Where frames go on by who sent them: a hook that no packet passes where no port is kept from sending."""
    return table.base("sending", "forward", layout.SENDING_PRIORITY, "accept", (f"iifname vmap @{layout.SENDERS}",))


def entrance(table: FilterTable, logs: Logs, before: Iterable[str] = ()) -> NftChain:
    """Where frames come in. `before`: rules that come first."""
    rules = (*before, *_TO_LANES, f"iifname vmap @{layout.ENTRY}", *logs.stranger("iifname"))
    return table.base("prerouting", "prerouting", layout.GUARD_PRIORITY, "drop", rules)


def guard_port(draft: Draft, table: FilterTable, place: PortPlace) -> None:
    """Put what one port may speak as."""
    link = quoted(place.bridge_ifname)
    verdict = _verdict(place)
    draft.put(table.element(layout.ENTRY, link, verdict), place.path)
    if verdict == TRUSTED:
        return
    said = dict.fromkeys(speakers(place))
    macs = dict.fromkeys((place.mac, *(speaker.mac for speaker in said)))
    elements = dict.fromkeys(element for speaker in said for element in _elements(link, speaker))
    for name, element in (*(known for mac in macs for known in _mac_elements(link, mac)), *elements):
        draft.put(table.element(name, element), place.path)


def _elements(link: str, speaker: Speaker) -> Iterator[tuple[str, str]]:
    """Sets and elements: which addresses the port of a link may speak as."""
    if not speaker.address:
        return
    yield layout.PAIRS6 if speaker.family == 6 else layout.PAIRS4, f"{link} . {speaker.mac} . {speaker.address}"
    if speaker.family == 6:
        yield layout.TARGETS, f"{link} . {speaker.number:#x}"


def _mac_elements(link: str, mac: str) -> Iterator[tuple[str, str]]:
    """As the sender of frames, and in options of neighbour discovery, where nft takes it for a number."""
    yield layout.MACS, f"{link} . {mac}"
    yield layout.CARDS, f"{link} . {int(mac.replace(':', ''), 16):#x}"


def prefix_elements(place: PortPlace) -> Iterator[tuple[str, str]]:
    """Set and element of each prefix that is more than one address; of one MAC no prefix within another."""
    link = quoted(place.bridge_ifname)
    wide = [speaker for speaker in speakers(place) if not speaker.address] if _verdict(place) != TRUSTED else []
    nets = [(speaker.mac, ip_network(speaker.prefix)) for speaker in wide]
    for mac, net in _widest(nets):
        yield layout.PREFIXES6 if net.version == 6 else layout.PREFIXES4, f"{link} . {mac} . {net}"
    for net in collapse_addresses(net for _, net in nets if isinstance(net, IPv6Network)):
        yield layout.PROXIES, f"{link} . {int(net.network_address):#x}-{int(net.broadcast_address):#x}"


def _widest(nets: Iterable[tuple[str, IpNetwork]]) -> Iterator[tuple[str, IpNetwork]]:
    """Those of a MAC that are in no other of it. In this order what is in another one follows it."""
    widest: tuple[str, IpNetwork] | None = None
    for mac, net in sorted(nets, key=_order):
        if widest is None or widest[0] != mac or net.network_address not in widest[1]:
            widest = mac, net
            yield widest


def _order(of: tuple[str, IpNetwork]) -> tuple[str, int, int, int]:
    mac, net = of
    return mac, net.version, int(net.network_address), net.prefixlen


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


@lru_cache(maxsize=1 << 14)  # a port is asked for it several times
def link_local(mac: str) -> tuple[str, int]:
    """The IPv6 link-local address of a MAC, as text and number. Source: RFC 4291 appendix A, RFC 5952."""
    tail = interface_id(mac)
    first, rest = tail >> 48, f"{tail >> 32 & 0xFFFF:x}:{tail >> 16 & 0xFFFF:x}:{tail & 0xFFFF:x}"
    return f"fe80::{first:x}:{rest}" if first else f"fe80::{rest}", 0xFE80 << 112 | tail


def _verdict(place: PortPlace) -> str:
    if not place.port.port_security:
        return TRUSTED
    if not place.network.pools:
        return UNADDRESSED
    return GATEWAY if any(number == pool.gateway for pool, _, number in place.addresses) else GUARDED
