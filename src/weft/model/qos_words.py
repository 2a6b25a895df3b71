"""The forms of quality of service: rates, sizes, times, shares, marks.

Rules: units are tc's (tc(8) PARAMETERS) and always said: a bare number is refused, and so is `mbps`, which is bytes
in tc and bits everywhere else. A form reads to the unit that its name says: bit/s, bytes, microseconds, millionths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from weft.model.words import Form, Malformed, among, choice, closest, number, pattern, prefix, text

_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Z/%]*)", re.ASCII)
_DECIMAL_RATES = {"bit": 1} | {f"{p}bit": 1000**n for n, p in enumerate("kmgt", 1)}
_RATES = _DECIMAL_RATES | {f"{p}ibit": 1024**n for n, p in enumerate("kmgt", 1)}
_SIZES = {"b": 1, "kb": 1024, "mb": 1024**2, "kib": 1024, "mib": 1024**2}
_TIMES = {"us": 1, "ms": 1000, "s": 1_000_000}
_SHARES = {"%": 10_000}
_COUNTED_SINGLY = 10_000
"""Who writes so large a number without a unit counts bits, bytes or microseconds."""
_BYTES_A_SECOND = re.compile(r"([kmgt]?i?)bps")
MAX_RATE_BPS = 10**12
MAX_BURST_BYTES = 2**30
MAX_TIME_US = 600_000_000


def measured(what: str, units: Mapping[str, int], low: int, high: int, example: str) -> Form:
    """A number with one of `units`, rounded to a whole number of the unit that counts 1."""

    def read(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or not (found := _NUMBER.fullmatch(value.strip())):
            raise Malformed(f"{value!r} is not {what}", f"for example {example}")
        size = units.get(found[2].lower())
        if size is None:
            raise Malformed(_unit_words(value, found[2], what), _meant(found[1], found[2], units, example))
        amount = round(float(found[1]) * size)
        if not low <= amount <= high:
            raise Malformed(f"{value} is out of range for {what}", f"from {told(low, units)} to {told(high, units)}")
        return amount

    return Form(what, read, {"type": "string", "description": what, "examples": [example]})


def told(amount: int, units: Mapping[str, int]) -> str:
    """An amount in the largest unit that it is a whole number of."""
    unit = max((unit for unit, size in units.items() if amount % size == 0), key=units.__getitem__) if amount else ""
    return f"{amount // units[unit]}{unit}" if unit else str(amount)


def rate_text(rate_bps: int) -> str:
    """A rate as people write it: 10mbit."""
    return told(rate_bps, _DECIMAL_RATES)


def time_text(time_us: int) -> str:
    """A time as people write it: 20ms."""
    return told(time_us, _TIMES)


def _unit_words(written: str, unit: str, what: str) -> str:
    if not unit:
        return f"{written} has no unit, so it may be anything"
    if _BYTES_A_SECOND.fullmatch(unit.lower()):
        return f"{written!r}: {unit} is bytes a second to tc and bits to everybody else"
    return f"{written!r} is not {what}: {unit} is no unit of it"


def _meant(amount: str, unit: str, units: Mapping[str, int], example: str) -> str:
    bytes_unit = _BYTES_A_SECOND.fullmatch(unit.lower())
    if bytes_unit:
        scale = bytes_unit[1]
        return f"write {amount}{scale}bit, or {float(amount) * 8:g}{scale}bit if bytes were meant"
    if not unit:
        usual = f"{amount}{example.lstrip('0123456789.')}"
        meant = told(round(float(amount)), units) if float(amount) >= _COUNTED_SINGLY and 1 in units.values() else usual
        return f"write its unit: {meant}, for example"
    return f"one of {', '.join(units)}: for example {example}"


def _ports(written: str) -> str:
    first, dash, last = written.replace(" ", "").partition("-")
    low, high = int(first), int(last if dash else first)
    if not 1 <= low <= high <= 65535:
        raise Malformed(f"{written} is no range of ports", "from 1 to 65535, the smaller first")
    return f"{low}-{high}" if high > low else str(low)


def _mark(written: str) -> str:
    """Canonical: 0xMARK/0xMASK."""
    mark, slash, mask = written.replace(" ", "").partition("/")
    bits, over = int(mark, 0), int(mask, 0) if slash else 0xFFFFFFFF
    if not 0 <= bits <= 0xFFFFFFFF or not 0 < over <= 0xFFFFFFFF or bits & ~over:
        raise Malformed(f"{written} is no mark within a mask of 32 bits", "for example 0x10/0xff")
    return f"{bits:#x}/{over:#x}"


DSCP: Mapping[str, int] = {
    "cs0": 0, "be": 0, "le": 1, "cs1": 8, "cs2": 16, "cs3": 24, "cs4": 32, "cs5": 40, "cs6": 48, "cs7": 56,
    "af11": 10, "af12": 12, "af13": 14, "af21": 18, "af22": 20, "af23": 22, "af31": 26, "af32": 28, "af33": 30,
    "af41": 34, "af42": 36, "af43": 38, "va": 44, "ef": 46,
}  # fmt: skip
"""Code points by name. Source: RFC 2474, 2597, 3246, 5865, 8622."""

PROTOCOLS: Mapping[str, int] = {
    "tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "udplite": 136, "dccp": 33, "esp": 50, "ah": 51,
    "gre": 47, "igmp": 2, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115,
}  # fmt: skip
"""No others: nft may know a name for a number, and say that. Source: the IANA registry of protocol numbers."""
PORT_PROTOCOLS = frozenset({"tcp", "udp", "sctp", "udplite", "dccp"})
"""Those whose packets have ports."""


def _protocol(written: str) -> str:
    named = next((name for name, number in PROTOCOLS.items() if written == str(number)), written.lower())
    if named in PROTOCOLS:
        return named
    meant = closest(written.lower(), PROTOCOLS)
    raise Malformed(f"{written!r} is no protocol known here", f"did you mean {meant}?" if meant else among(PROTOCOLS))


RateBps = Annotated[int, measured("a rate with its unit (tc's: kbit, mbit, gbit)", _RATES, 8, MAX_RATE_BPS, "10mbit")]
SizeBytes = Annotated[int, measured("a size with its unit (b, kb, mb)", _SIZES, 1, MAX_BURST_BYTES, "32kb")]
TimeUs = Annotated[int, measured("a time with its unit (us, ms, s)", _TIMES, 0, MAX_TIME_US, "20ms")]
SharePpm = Annotated[int, measured("a share in percent", _SHARES, 0, 1_000_000, "0.5%")]
Priority = Annotated[int, number("a priority, 0 is served first", 0, 7)]
PacketsPerSecond = Annotated[int, number("a number of packets a second", 1, 100_000_000)]
_CGROUP = r'(?!.*(?:^|/)\.{1,2}(?:/|$))(?=.{1,250}$)[^/"\x00-\x1f]+(?:/[^/"\x00-\x1f]+)*'
OverheadBytes = Annotated[int, number("a number of bytes for each packet", -64, 256)]
Prefix = Annotated[str, text("a prefix or an address", prefix, "10.0.0.0/8")]
Dscp = Annotated[int, number("a DSCP, by name or number", 0, 63, DSCP)]
Ports = Annotated[str, text("a port or a range of ports", _ports, "8000-8100", or_number=True)]
MarkMask = Annotated[str, text("a mark, or a mark and its mask", _mark, "0x10/0xff", or_number=True)]
Protocol = Annotated[str, text("a protocol, by name or number", _protocol, "tcp", or_number=True)]
CgroupPath = Annotated[str, pattern("a cgroup's path below its root", _CGROUP, "user.slice/app")]
LeafWord = Annotated[str, choice("fq_codel", "cake", "sfq", "fq", "pfifo")]
Layer = Annotated[str, choice("ethernet", "ip", "atm")]
