"""Frames by hand. Source: RFC 826, RFC 791, RFC 768, RFC 8200, RFC 4443, RFC 4861, IEEE 802.1Q."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from struct import pack

BROADCAST = "ff:ff:ff:ff:ff:ff"
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT, REDIRECT = range(133, 138)
SERVICE_TAG = 0x88A8
"""The outer of two, as providers write it. Source: IEEE 802.1ad."""
SOURCE_CARD, TARGET_CARD = 1, 2
HOP_BY_HOP, TCP, UDP, ROUTING, FRAGMENT, ICMPV6, OPTIONS = 0, 6, 17, 43, 44, 58, 60


def word(text: str) -> bytes:
    return b"~" + text.encode() + b"~"


def ethernet(source: str, target: str, kind: int, payload: bytes) -> bytes:
    return (mac(target) + mac(source) + pack("!H", kind) + payload).ljust(60, b"\0")


def tagged(frame: bytes, vid: int, kind: int = 0x8100) -> bytes:
    return frame[:12] + pack("!HH", kind, vid) + frame[12:]


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def arp(source: str, sender_mac: str, sender_ip: str, target_ip: str, said: str, operation: int = 2) -> bytes:
    """What it says stands behind, where a short frame has padding."""
    packed = [ip_address(text).packed for text in (sender_ip, target_ip)]
    payload = pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac(sender_mac) + packed[0] + mac(BROADCAST) + packed[1]
    return ethernet(source, BROADCAST, 0x0806, payload + word(said))


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(sport: int, dport: int, said: str) -> bytes:
    payload = word(said)
    return pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def ipv4(
    source_mac: str,
    source: str,
    target: str,
    payload: bytes,
    protocol: int = UDP,
    to: str = BROADCAST,
    at: int = 0,
    more: bool = False,
    of: int = 1,
) -> bytes:
    """`at`, `more`: of a fragment, in bytes, a multiple of eight; `of`: which packet it is a part of."""

    def header(sum_: int) -> bytes:
        first = pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), of, more << 13 | at // 8, 64, protocol, sum_)
        return first + ip_address(source).packed + ip_address(target).packed

    return ethernet(source_mac, to, 0x0800, header(checksum(header(0))) + payload)


def tcp_syn(source: str, target: str, dport: int, said: str) -> bytes:
    """With data, which nobody who asks in earnest sends along."""
    bare = pack("!HHIIBBHHH", 40000, dport, 1, 0, 5 << 4, 2, 1024, 0, 0) + word(said)
    pseudo = ip_address(source).packed + ip_address(target).packed + pack("!HH", TCP, len(bare))
    return bare[:16] + pack("!H", checksum(pseudo + bare)) + bare[18:]


def ipv6(
    source_mac: str, source: str, target: str, payload: bytes, following: int, to: str = BROADCAST, behind: bytes = b""
) -> bytes:
    """`behind`: what stands behind the packet, where a short frame has padding."""
    header = (
        pack("!IHBB", 6 << 28, len(payload), following, 255) + ip_address(source).packed + ip_address(target).packed
    )
    return ethernet(source_mac, to, 0x86DD, header + payload + behind)


def icmpv6(source: str, target: str, kind: int, body: bytes) -> bytes:
    """With the checksum that it has between these two."""
    bare = pack("!BBH", kind, 0, 0) + body
    pseudo = ip_address(source).packed + ip_address(target).packed + pack("!IHBB", len(bare), 0, 0, ICMPV6)
    return pack("!BBH", kind, 0, checksum(pseudo + bare)) + body


def neighbour(
    source_mac: str,
    source: str,
    address: str,
    said: str,
    kind: int = NEIGHBOUR_ADVERTISEMENT,
    options: bytes = b"",
    before: Callable[[int, bytes], tuple[int, bytes]] = lambda following, payload: (following, payload),
) -> bytes:
    """An advertisement (or solicitation) about an address, or a router's solicitation (`address` ""), to all nodes. The
    word stands behind the packet. `before`: puts headers before it."""
    body = (told_of(address) if address else pack("!I", 0)) + options
    following, payload = before(ICMPV6, icmpv6(source, "ff02::1", kind, body))
    return ipv6(source_mac, source, "ff02::1", payload, following, behind=word(said))


def card(hardware: str, kind: int = TARGET_CARD) -> bytes:
    """The option of neighbour discovery that says whose MAC it is."""
    return bytes([kind, 1]) + mac(hardware)


def nonce() -> bytes:
    """Of who detects duplicates. Source: RFC 7527."""
    return bytes([14, 1]) + b"nonce!"


def announced(address: str, said: str) -> bytes:
    """What a neighbour says about an address, less all headers."""
    return told_of(address) + option(said)


def told_of(address: str) -> bytes:
    """What stands in every such message that weft's tests send about an address."""
    return pack("!I", 0x20000000) + ip_address(address).packed


def option(said: str) -> bytes:
    """The word in an option of neighbour discovery that nobody knows."""
    bare = b"\xfd" + bytes([(len(word(said)) + 9) // 8]) + word(said)
    return bare.ljust((len(bare) + 7) // 8 * 8, b"\0")


def advertisement(source: str, said: str, kind: int = ROUTER_ADVERTISEMENT) -> bytes:
    """A router's, less its Ethernet and IP headers."""
    return icmpv6(source, "ff02::1", kind, offered(said))


def offered(said: str) -> bytes:
    """What a router says, less all headers."""
    return pack("!BBHII", 64, 0, 1800, 0, 0) + option(said)


def with_options(following: int, payload: bytes) -> bytes:
    """Behind a header of options, of the destination or hop by hop (padding)."""
    return bytes([following, 0, 1, 4, 0, 0, 0, 0]) + payload


def with_routing(following: int, payload: bytes) -> bytes:
    """Behind a routing header of an experimental type with nothing left of it. Source: RFC 4727."""
    return bytes([following, 0, 253, 0, 0, 0, 0, 0]) + payload


def udp6(source: str, target: str, dport: int, said: str, before: bytes = b"") -> bytes:
    """With the checksum that IPv6 demands. `before`: what stands before the word."""
    payload = before + word(said)
    bare = pack("!HHHH", 9, dport, 8 + len(payload), 0) + payload
    pseudo = ip_address(source).packed + ip_address(target).packed + pack("!IHBB", len(bare), 0, 0, UDP)
    return bare[:6] + pack("!H", checksum(pseudo + bare)) + bare[8:]


def fragment(following: int, at: int, more: bool, payload: bytes, of: int = 7) -> bytes:
    """`at`: in bytes, a multiple of eight; `of`: which packet it is a part of."""
    return pack("!BBHI", following, 0, at | more, of) + payload
