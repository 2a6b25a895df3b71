"""What nfnetlink_log is asked, and what it tells of a packet: bytes to a Heard and back.

Rules: pure, and imports next to nothing, for the recorder stays. What a message leaves out is empty. Source:
linux/netfilter/nfnetlink_log.h, net/netfilter/nfnetlink_log.c; RFC 791, RFC 8200, RFC 826, RFC 792, RFC 4443.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from struct import pack
from typing import NamedTuple

from weft.wire.codec import NLM_F_ACK, NLMSG_ERROR, Malformed, as_s32, attribute, be32, messages, payloads
from weft.wire.netfilter import GENERATION_SIZE, ULOG, kind_of, request

_CONFIG = 1
_PACKET = kind_of(ULOG, 0)
_CMD, _MODE, _TIMEOUT, _THRESHOLD = 1, 2, 4, 5
_BIND, _COPY_PACKET = 1, 2
_HEADER, _IN, _OUT, _PHYSICAL_IN, _PHYSICAL_OUT, _PAYLOAD, _PREFIX, _L2 = 1, 4, 5, 6, 7, 9, 10, 21
_HARDWARE = 16

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
_PORTED = frozenset({6, 17, 33, 132, 136})
_ICMP = frozenset({1, 58})
_EXTENSIONS = frozenset({0, 43, 60})
"""Headers of IPv6 that only tell what comes after them."""
_FRAGMENT = 44


class Heard(NamedTuple):
    """A packet that a rule has told of. `came`, `goes`: ifindexes of the bridge's ports, 0 for none. `ethertype`,
    `protocol`: numbers. `source`, `target`: packed addresses, of ARP those it speaks of; empty of other frames.
    `sport`, `dport`: of ICMP its type and code. MACs are packed, empty where they are not told."""

    prefix: str
    came: int
    goes: int
    ethertype: int
    protocol: int = 0
    source: bytes = b""
    target: bytes = b""
    sport: int = 0
    dport: int = 0
    source_mac: bytes = b""
    target_mac: bytes = b""


def bind(group: int, snaplen_bytes: int) -> bytes:
    """The messages that make a socket the group's listener; the first is acknowledged."""
    copy = attribute(_MODE, pack(">IBx", snaplen_bytes, _COPY_PACKET))
    listen = request(ULOG, _CONFIG, NLM_F_ACK, attribute(_CMD, bytes([_BIND])), resource=group)
    return listen + request(ULOG, _CONFIG, 0, copy, be32(_TIMEOUT, 10), be32(_THRESHOLD, 64), resource=group)


def read(data: bytes) -> Iterator[Heard]:
    """The packets of what a listener has received, up to what is no message. Raises: OSError where the kernel refuses
    something."""
    with suppress(Malformed):
        for kind, _, _, at, end in messages(data):
            if kind == NLMSG_ERROR and (error := as_s32(data, at, end)):
                raise OSError(-error, "nfnetlink_log")
            if kind == _PACKET:
                yield _heard(payloads(data, at + GENERATION_SIZE, end))


def _heard(found: dict[int, bytes]) -> Heard:
    ethertype = int.from_bytes(found.get(_HEADER, b"")[:2])
    protocol, source, target, sport, dport = _contents(ethertype, found.get(_PAYLOAD, b""))
    frame = found.get(_L2) or found.get(_HARDWARE, b"")
    return Heard(
        prefix=found.get(_PREFIX, b"").rstrip(b"\0").decode(errors="replace"),
        came=_index(found, _PHYSICAL_IN) or _index(found, _IN),
        goes=_index(found, _PHYSICAL_OUT) or _index(found, _OUT),
        ethertype=ethertype,
        protocol=protocol,
        source=source,
        target=target,
        sport=sport,
        dport=dport,
        source_mac=frame[6:12],
        target_mac=frame[:6],
    )


def _index(found: dict[int, bytes], attribute: int) -> int:
    return int.from_bytes(found.get(attribute, b""))


_Contents = tuple[int, bytes, bytes, int, int]
_NOTHING: _Contents = (0, b"", b"", 0, 0)


def _contents(ethertype: int, packet: bytes) -> _Contents:
    """Protocol, addresses and ports of a packet; of one that is cut what there is."""
    if ethertype == IPV4 and len(packet) >= 20:
        first = int.from_bytes(packet[6:8]) & 0x1FFF == 0
        above = packet[(packet[0] & 15) * 4 :] if first else b""
        return packet[9], packet[12:16], packet[16:20], *_ends(packet[9], above)
    if ethertype == IPV6 and len(packet) >= 40:
        protocol, above = _upper(packet)
        return protocol, packet[8:24], packet[24:40], *_ends(protocol, above)
    if ethertype == ARP and len(packet) >= 28:
        return 0, packet[14:18], packet[24:28], int.from_bytes(packet[6:8]), 0
    return _NOTHING


def _upper(packet: bytes) -> tuple[int, bytes]:
    protocol, at = packet[6], 40
    while protocol in _EXTENSIONS or protocol == _FRAGMENT:
        if at + 8 > len(packet):
            return protocol, b""
        is_later = protocol == _FRAGMENT and int.from_bytes(packet[at + 2 : at + 4]) & 0xFFF8
        length = 8 if protocol == _FRAGMENT else (packet[at + 1] + 1) * 8
        protocol, at = packet[at], at + length
        if is_later:
            return protocol, b""
    return protocol, packet[at:]


def _ends(protocol: int, above: bytes) -> tuple[int, int]:
    if protocol in _PORTED and len(above) >= 4:
        return int.from_bytes(above[:2]), int.from_bytes(above[2:4])
    if protocol in _ICMP and len(above) >= 2:
        return above[0], above[1]
    return 0, 0
