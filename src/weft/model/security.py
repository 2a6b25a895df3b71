"""Security groups: who may speak to a port, and to whom it may speak. The words are Neutron's.

Rules: a rule's text is already in canonical form: protocols are numbers, ports pairs of numbers, ICMP types numbers of
their family. Which words go together compiler/groups/checks.py says.
Source: OpenStack Networking API v2.0, security groups; RFC 4890 for what is never filtered.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Any, get_args

from weft.model import words as w
from weft.records import dataclass

ICMP, IGMP, TCP, UDP, DCCP, ICMPV6, SCTP, UDPLITE = 1, 2, 6, 17, 33, 58, 132, 136

PROTOCOLS: Mapping[str, int] = MappingProxyType(
    {
        "icmp": ICMP,
        "igmp": IGMP,
        "ipip": 4,
        "tcp": TCP,
        "egp": 8,
        "udp": UDP,
        "dccp": DCCP,
        "ipv6": 41,
        "rsvp": 46,
        "gre": 47,
        "esp": 50,
        "ah": 51,
        "icmpv6": ICMPV6,
        "ospf": 89,
        "pim": 103,
        "vrrp": 112,
        "l2tp": 115,
        "sctp": SCTP,
        "udplite": UDPLITE,
    }
)
"""Source: IANA, Assigned Internet Protocol Numbers."""
PROTOCOL_NAMES: Mapping[int, str] = MappingProxyType({number: name for name, number in PROTOCOLS.items()})

FAMILIES: Mapping[str, int] = MappingProxyType({"ipv4": 4, "ipv6": 6})
ICMP_FAMILIES: Mapping[int, int] = MappingProxyType({ICMP: 4, ICMPV6: 6})

WITH_PORTS = frozenset({TCP, UDP, DCCP, SCTP, UDPLITE})

ICMP_TYPES: Mapping[int, Mapping[str, int]] = MappingProxyType(
    {
        ICMP: {
            "echo-reply": 0,
            "destination-unreachable": 3,
            "source-quench": 4,
            "redirect": 5,
            "echo-request": 8,
            "router-advertisement": 9,
            "router-solicitation": 10,
            "time-exceeded": 11,
            "parameter-problem": 12,
            "timestamp-request": 13,
            "timestamp-reply": 14,
            "info-request": 15,
            "info-reply": 16,
            "address-mask-request": 17,
            "address-mask-reply": 18,
        },
        ICMPV6: {
            "destination-unreachable": 1,
            "packet-too-big": 2,
            "time-exceeded": 3,
            "parameter-problem": 4,
            "echo-request": 128,
            "echo-reply": 129,
            "mld-listener-query": 130,
            "mld-listener-report": 131,
            "mld-listener-done": 132,
            "nd-router-solicit": 133,
            "nd-router-advert": 134,
            "nd-neighbor-solicit": 135,
            "nd-neighbor-advert": 136,
            "nd-redirect": 137,
            "router-renumbering": 138,
            "ind-neighbor-solicit": 141,
            "ind-neighbor-advert": 142,
            "mld2-listener-report": 143,
        },
    }
)
"""By protocol, the names that nft(8) prints, so that a listing speaks the file's words."""
ICMP_TYPE_NAMES: Mapping[int, Mapping[int, str]] = MappingProxyType(
    {protocol: {number: name for name, number in types.items()} for protocol, types in ICMP_TYPES.items()}
)

DEFAULT_PRIORITY = 1000


def read_ports(value: Any) -> tuple[int, int]:
    """The first and the last of `443` or `8000-8100`. Raises: Malformed."""
    if isinstance(value, tuple):
        return value
    written = str(value)
    first, dash, last = written.partition("-")
    numbers = (first.strip(), last.strip() if dash else first.strip())
    if not all(text.isdecimal() and len(text) <= 5 for text in numbers):
        raise w.Malformed(f"{written!r} is no port and no range of ports", "for example 443 or 8000-8100")
    low, high = map(int, numbers)
    if high > 65535:
        raise w.Malformed(f"{written} is out of range for ports", "from 1 to 65535")
    if low > high:
        raise w.Malformed(f"{written} ends before it begins", f"write {max(high, 1)}-{low}")
    if low == 0:
        raise w.Malformed("port 0 is nobody's", f"write 1-{high}" if high else "from 1 to 65535")
    return low, high


def _icmp_type(value: Any) -> str:
    written = str(value)
    known = {name for names in ICMP_TYPES.values() for name in names}
    if written in known or (written.isdecimal() and len(written) <= 3 and int(written) <= 255):
        return str(int(written)) if written.isdecimal() else written
    meant = w.closest(written, sorted(known))
    raise w.Malformed(f"{written!r} is no ICMP type", f"did you mean {meant}?" if meant else "a name or 0 to 255")


_PORTS_SCHEMA = {"type": ["string", "integer"], "description": "a port or a range of ports", "examples": ["8000-8100"]}
_TYPE_SCHEMA = {"type": ["string", "integer"], "description": "an ICMP type, by name or number"}

PortRange = Annotated[tuple[int, int], w.Form("a port or a range of ports", read_ports, _PORTS_SCHEMA)]
Protocol = Annotated[int, w.number("an IP protocol", 0, 255, PROTOCOLS)]
IcmpType = Annotated[str, w.Form("an ICMP type, by name or number", _icmp_type, _TYPE_SCHEMA)]
IcmpCode = Annotated[int, w.number("an ICMP code", 0, 255)]
Priority = Annotated[int, w.number("a priority", 1, 9999)]


_NAME: w.Form = get_args(w.Name)[1]


def _member(written: str) -> str:
    """A prefix, an address, or the name of another address group."""
    if "/" in written or ":" in written or written.replace(".", "").isdecimal():
        return w.prefix(written)
    return str(_NAME.read(written))


def _packet_rate(written: str) -> str:
    number, slash, unit = (part.strip() for part in written.partition("/"))
    if not slash or unit not in RATE_UNITS:
        raise w.Malformed(f"{written!r} is no rate of packets", f"for example 10/second; per {w.among(RATE_UNITS)}")
    if not number.isdecimal() or len(number) > 7 or not 1 <= int(number) <= MAX_RATE:
        raise w.Malformed(f"{number} is out of range for a rate of packets", f"from 1 to {MAX_RATE}")
    return f"{int(number)}/{unit}"


RATE_UNITS = ("second", "minute", "hour", "day")
MAX_RATE = 1_000_000
MAX_BURST = 100_000
"""At one packet a day the kernel counts no more. Source: net/netfilter/nft_limit.c nft_limit_init."""

_RATE_SECONDS = dict(zip(RATE_UNITS, (1, 60, 3600, 86400), strict=True))


def per_day(rate: str) -> int:
    """Packets a day, to compare rates by."""
    number, _, unit = rate.partition("/")
    return int(number) * 86400 // _RATE_SECONDS[unit]


PacketRate = Annotated[str, w.text("packets in a time", _packet_rate, "10/second")]
Keep = Annotated[int, w.number("a number of packets", 100, MAX_RATE)]
Burst = Annotated[int, w.number("a number of packets", 1, MAX_BURST)]

AddressGroupMember = Annotated[str, w.text("a prefix, an address or an address group's name", _member, "192.0.2.0/24")]
Prefix = Annotated[str, w.text("a prefix or an address", w.prefix, "192.0.2.0/24")]


class Action(Enum):
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Whoever is at the other end: exactly one of a prefix, the members of a security group, an address group."""

    cidr: Prefix | None = None
    group: w.Name | None = None
    address_group: w.Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """How many packets are told of: `rate` in the long run, `burst` at once."""

    rate: PacketRate = "10/second"
    burst: Burst = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Drops:
    """What is kept of what filters tell: by a `recorder`, None where groups of the file say that something is to be
    told; the newest `keep` packets."""

    recorder: bool | None = None
    keep: Keep = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityRule:
    """What fits all that is said of it. `ports`: of the receiving end, inclusive pairs. `type`, `code`: of ICMP.
    `priority`: the smallest decides first; at one priority deny beats allow. `log`: what it fits is told of."""

    family: w.Family | None = None
    protocol: Protocol | None = None
    ports: tuple[PortRange, ...] = ()
    type: IcmpType | None = None
    code: IcmpCode | None = None
    remote: Remote | None = None
    action: Action = Action.ALLOW
    priority: Priority = DEFAULT_PRIORITY
    log: Logging | None = None
    description: w.Alias | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup:
    """`ingress`: what may come in to its ports; `egress`: what they may send, None for all. `stateful`: answers pass
    unasked. `audit`: what it would drop is told of, and passes. `log_drops`: how much is told of what no rule lets
    pass, None for as much as of a port without."""

    stateful: bool = True
    ingress: tuple[SecurityRule, ...] = ()
    egress: tuple[SecurityRule, ...] | None = None
    audit: bool = False
    log_drops: Logging | None = None
    description: w.Alias | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPair:
    """What a port may speak as beside its own addresses. `mac`: None for its own."""

    ip: Prefix
    mac: w.Mac | None = None
