"""Anti-spoofing: a port speaks as itself. Its MAC, its addresses in IP, ARP and neighbour discovery, and no DHCP server
nor router advertisement.

Rules: judged where a frame comes in, before the bridge learns from it and before connections are followed. Every link
of a bridge has an element that says what it is: a port, guarded or not, or a way that is weft's own (a router's leg, a
segment), which is trusted. What has none, because somebody put it there by hand, neither speaks nor hears. A port that
is a subnet's gateway sends on what others sent, so only its MAC and what it says of its own addresses is judged; one on
a network without subnets has no addresses to be judged by.
Source: RFC 826, RFC 4861, RFC 6980 (no fragments in neighbour discovery), RFC 7112 (headers in the first fragment).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import NamedTuple

from weft.compiler.draft import Draft
from weft.compiler.groups import layout
from weft.compiler.groups.layout import DROP, Room, quoted
from weft.compiler.place import PortPlace
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Port

GUARDED, GATEWAY, UNADDRESSED, TRUSTED = "goto guard", "goto guard.gateway", "goto guard.unaddressed", "accept"

_NOT_ITS_MAC = f"iifname . ether saddr != @{layout.MACS} {DROP}"
_SERVES4 = f"udp sport 67 udp dport 68 {DROP}"
_SERVES6 = f"udp sport 547 udp dport 546 {DROP}"
_ADVERTISES = f"icmpv6 type {{ nd-router-advert, nd-redirect }} {DROP}"
_ANNOUNCES = "icmpv6 type nd-neighbor-advert goto guard.announcement"
_RESOLVED = "meta l4proto 0-255"
"""Its headers lead to an upper layer: else nobody could say that it is no router advertisement."""


def _by_type(ip: str, arp: str, ip6: str) -> str:
    return f"ether type vmap {{ ip : {ip}, arp : {arp}, ip6 : {ip6} }}"


_CHAINS = {
    "guard": (_NOT_ITS_MAC, _by_type("goto guard.ip", "goto guard.arp", "goto guard.ip6"), DROP),
    "guard.gateway": (_NOT_ITS_MAC, _by_type("accept", "goto guard.arp", "goto guard.gateway6"), DROP),
    "guard.unaddressed": (_NOT_ITS_MAC, _by_type("goto guard.mute", "accept", "goto guard.mute6"), DROP),
    "guard.ip": (
        _SERVES4,
        f"iifname . ether saddr . ip saddr @{layout.PAIRS4} accept",
        f"iifname . ether saddr . ip saddr @{layout.PREFIXES4} accept",
        "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
        DROP,
    ),
    "guard.arp": (
        f"iifname . arp saddr ether . arp saddr ip @{layout.PAIRS4} accept",
        f"iifname . arp saddr ether . arp saddr ip @{layout.PREFIXES4} accept",
        f"iifname . arp saddr ether @{layout.MACS} arp saddr ip 0.0.0.0 accept",
        DROP,
    ),
    "guard.ip6": (_ADVERTISES, _SERVES6, _ANNOUNCES, f"{_RESOLVED} goto guard.source6", DROP),
    "guard.source6": (
        f"iifname . ether saddr . ip6 saddr @{layout.PAIRS6} accept",
        f"iifname . ether saddr . ip6 saddr @{layout.PREFIXES6} accept",
        "ip6 saddr :: icmpv6 type { mld-listener-report, nd-neighbor-solicit, mld2-listener-report } accept",
        DROP,
    ),
    "guard.announcement": (
        f"iifname . @th,64,128 @{layout.TARGETS} goto guard.source6",
        f"iifname @{layout.PROXIES} goto guard.source6",
        DROP,
    ),
    "guard.gateway6": (_ANNOUNCES, "accept"),
    "guard.mute": (_SERVES4, "accept"),
    "guard.mute6": (_ADVERTISES, _SERVES6, f"{_RESOLVED} accept", DROP),
}

_SETS = {
    layout.MACS: "ifname . ether_addr",
    layout.PAIRS4: "ifname . ether_addr . ipv4_addr",
    layout.PAIRS6: "ifname . ether_addr . ipv6_addr",
    layout.TARGETS: "typeof iifname . @th,64,128",
    layout.PROXIES: "ifname",
}
_MAPS = (layout.ENTRY, layout.SENDERS, layout.RECEIVERS)


class Speaker(NamedTuple):
    """Who a port may speak as: a MAC with a prefix; an address is a prefix of full length."""

    mac: str
    prefix: str

    @property
    def family(self) -> int:
        return 6 if ":" in self.prefix else 4

    @property
    def address(self) -> str:
        """The one address of the prefix, "" where it has several."""
        net = ip_network(self.prefix)
        return str(net.network_address) if net.prefixlen == net.max_prefixlen else ""


def guards(room: Room) -> Iterator[NftChain | NftSet]:
    """What is the same for every tenant: the hooks, and the chains and sets behind them."""
    for name in _MAPS:
        yield room.set(name, "ifname", data="verdict")
    for name, kind in _SETS.items():
        yield room.set(name, kind)
    for name, rules in _CHAINS.items():
        yield room.chain(name, rules)
    forward = "forward"
    sends, receives = f"iifname vmap @{layout.SENDERS}", f"oifname vmap @{layout.RECEIVERS}"
    yield room.base("sending", forward, layout.SENDING_PRIORITY, "accept", (sends,))
    yield room.base("receiving", forward, layout.RECEIVING_PRIORITY, "drop", (receives,))


def entrance(room: Room, before: Iterable[str] = ()) -> NftChain:
    """Where frames come in. `before`: rules that come first."""
    rules = (*before, f"iifname vmap @{layout.ENTRY}")
    return room.base("prerouting", "prerouting", layout.GUARD_PRIORITY, "drop", rules)


def guard_port(draft: Draft, room: Room, place: PortPlace) -> None:
    """Put what one port may speak as."""
    link = quoted(place.bridge_ifname)
    verdict = _verdict(place)
    draft.put(room.element(layout.ENTRY, link, verdict), place.path)
    if verdict == TRUSTED:
        return
    said = speakers(place)
    for mac in dict.fromkeys((place.mac, *(speaker.mac for speaker in said))):
        draft.put(room.element(layout.MACS, f"{link} . {mac}"), place.path)
    for speaker in dict.fromkeys(said):
        if speaker.address:
            name = layout.PAIRS6 if speaker.family == 6 else layout.PAIRS4
            draft.put(room.element(name, f"{link} . {speaker.mac} . {speaker.address}"), place.path)
    announced = dict.fromkeys(speaker.address for speaker in said if speaker.family == 6 and speaker.address)
    for address in announced:
        draft.put(room.element(layout.TARGETS, f"{link} . {_number_text(address)}"), place.path)
    if any(speaker.family == 6 and not speaker.address for speaker in said):
        draft.put(room.element(layout.PROXIES, link), place.path)


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


def speakers(place: PortPlace) -> list[Speaker]:
    """All that a port may speak as; as a link-local address that of its MAC alone (RFC 4291 appendix A)."""
    own = [Speaker(place.mac, _host(address)) for address in place.held]
    pairs = [Speaker(pair.mac or place.mac, pair.ip) for pair in place.port.allowed_address_pairs]
    return [*own, Speaker(place.mac, _host(link_local(place.mac))), *pairs]


def has_prefixes(port: Port) -> bool:
    """Whether a port has a share in the sets of prefixes, which are one object each."""
    return any(not Speaker("", pair.ip).address for pair in port.allowed_address_pairs)


def link_local(mac: str) -> str:
    """The IPv6 link-local address of a MAC."""
    digits = bytes.fromhex(mac.replace(":", ""))
    tail = bytes([digits[0] ^ 2, *digits[1:3], 0xFF, 0xFE, *digits[3:]])
    return str(ip_network(int.from_bytes(b"\xfe\x80" + bytes(6) + tail)).network_address)


def _verdict(place: PortPlace) -> str:
    if not place.port.port_security:
        return TRUSTED
    if not place.segment.pools:
        return UNADDRESSED
    return GATEWAY if any(number == pool.gateway for pool, _, number in place.addresses) else GUARDED


def _host(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _number_text(address: str) -> str:
    """As nft prints a number of so many bits."""
    return f"0x{int(ip_network(address).network_address):032x}"
