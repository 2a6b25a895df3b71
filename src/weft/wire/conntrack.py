"""Entries of connection tracking as netlink has them, and what bars a connection.

Rules: an entry that is a bar has the connection's first direction, and an answer that nobody gives. So whatever comes
that way is new, and judged; and what comes back cannot be followed, for an entry of its own would meet the bar: the
kernel drops it. Source: linux/netfilter/nfnetlink_conntrack.h, net/netfilter/nf_conntrack_core.c
__nf_conntrack_confirm.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from weft.wire.codec import attribute, nest, payloads

TUPLE_ORIG, TUPLE_REPLY, STATUS, TIMEOUT, ID, ZONE = 1, 2, 3, 7, 12, 18
_IP, _PROTO = 1, 2
_ADDRESSES = ((1, 2), (3, 4))
"""CTA_IP_V4_SRC and _DST, CTA_IP_V6_SRC and _DST."""
_PROTO_NUM = 1
_ENDS = ((2, 3), (5, 6), (8, 9))
"""CTA_PROTO_SRC_PORT and _DST_PORT, CTA_PROTO_ICMP_TYPE and _CODE, CTA_PROTO_ICMPV6_TYPE and _CODE."""
_EXPECTED, _CONFIRMED, _FIXED_TIMEOUT = 1, 1 << 3, 1 << 10
"""IPS_EXPECTED; IPS_CONFIRMED, which every entry in the table has; IPS_FIXED_TIMEOUT, which here bars alone have."""
_BARRED = (6, 17, 136)
"""Protocols of which a packet in the middle begins a connection: TCP, UDP, UDP-Lite."""
_BAR_S = 1_200
"""Longer than TCP tries: 924 s. Source: ip-sysctl.rst tcp_retries2."""


class Ends(NamedTuple):
    """One direction. `sport`, `dport`: of ICMP its type and code."""

    source: str
    target: str
    protocol: int
    sport: int
    dport: int


class Entry(NamedTuple):
    """As its first packet came, and `answer` as one to it comes. `raw`: tuple, zone and number of the entry, as they
    name it. `barred`: whether it is a bar. `bar`: what makes one in its place, b"" for none; `turned`: what names the
    entry that stands there when the other end spoke first since."""

    source: str
    target: str
    protocol: int
    sport: int
    dport: int
    answer: tuple[str, str, int, int]
    zone: int
    expected: bool
    raw: bytes
    barred: bool = False
    bar: bytes = b""
    turned: bytes = b""


def read_entry(body: bytes) -> Entry | None:
    """What follows the header of nfnetlink; None for what is not of IP. Raises: Malformed."""
    outer = attributes_of(body)
    first = _ends(outer.get(TUPLE_ORIG, b""))
    if first is None:
        return None
    back = _ends(outer.get(TUPLE_REPLY, b"")) or Ends(first.target, first.source, first.protocol, 0, 0)
    zone = _packed(ZONE, outer[ZONE]) if ZONE in outer else b""
    status = _number(outer.get(STATUS, b"\0" * 4))
    can_bar = first.protocol in _BARRED and TUPLE_REPLY in outer
    return Entry(
        **first._asdict(),
        answer=(back.source, back.target, back.sport, back.dport),
        zone=_number(outer.get(ZONE, b"\0\0")),
        expected=bool(status & _EXPECTED),
        raw=b"".join(_packed(kind, outer[kind]) for kind in (TUPLE_ORIG, ZONE, ID) if kind in outer),
        barred=bool(status & _FIXED_TIMEOUT),
        bar=_bar(outer[TUPLE_ORIG], outer[TUPLE_REPLY]) + zone if can_bar else b"",
        turned=_packed(TUPLE_ORIG, outer[TUPLE_REPLY]) + zone if can_bar else b"",
    )


def _bar(first: bytes, answer: bytes) -> bytes:
    """The answer's target is one that nobody has: a reserved address, or a group."""
    ip = attributes_of(answer)[_IP]
    at = answer.index(ip) + ip.index(list(attributes_of(ip).values())[1])
    nobodys = answer[:at] + b"\xff" + answer[at + 1 :]
    lasting = _packed(STATUS, (_CONFIRMED | _FIXED_TIMEOUT).to_bytes(4)) + _packed(TIMEOUT, _BAR_S.to_bytes(4))
    return _packed(TUPLE_ORIG, first) + _packed(TUPLE_REPLY, nobodys) + lasting


def _ends(data: bytes) -> Ends | None:
    inner = attributes_of(data)
    addresses, proto = attributes_of(inner.get(_IP, b"")), attributes_of(inner.get(_PROTO, b""))
    ends = next(((addresses[s], addresses[d]) for s, d in _ADDRESSES if s in addresses and d in addresses), None)
    if ends is None or _PROTO_NUM not in proto:
        return None
    ports = next(((_number(proto[s]), _number(proto[d])) for s, d in _ENDS if s in proto and d in proto), (0, 0))
    return Ends(str(ip_address(ends[0])), str(ip_address(ends[1])), proto[_PROTO_NUM][0], *ports)


def _number(value: bytes) -> int:
    return int.from_bytes(value)


def _packed(kind: int, value: bytes) -> bytes:
    return (nest if kind in (TUPLE_ORIG, TUPLE_REPLY) else attribute)(kind, value)


def attributes_of(data: bytes) -> dict[int, bytes]:
    """Raises: Malformed."""
    return payloads(data, 0, len(data))
