"""What is wrong with floating IPs as they are written: a part of checks.py.

Rules: one record at a time; what others say of the same address, and whether a port is there, is the compiler's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weft.files.nodes import Entries, Items, Node, Place, Report, Scalar
from weft.model.floating import FloatingIp, Forward
from weft.model.security import PROTOCOLS, WITH_PORTS, read_ports
from weft.model.words import Malformed, among

_NUMBERS = {str(number): name for name, number in PROTOCOLS.items()}
_WITH_PORTS = among(sorted(name for name, number in PROTOCOLS.items() if number in WITH_PORTS))

MOST_SHIFTED = 1024
"""Ports of a range that get other numbers: each is an element of its own."""


def _floating_ip(node: Entries, report: Report) -> None:
    given = node.entries
    if "port" in given and "forward" in given:
        what = "port beside forward: a port that has the address gets all that comes to it"
        report(given["forward"].place, what, "keep one of the two")
    if "fixed_address" in given and "port" not in given:
        report(given["fixed_address"].place, "fixed_address without port is nobody's", "add port: NAME")
    forward = given["forward"].value if "forward" in given else None
    if isinstance(forward, Items) and not forward.items:
        report(forward.place, "forward says nothing", "give it entries, or take it out")


def _forward(node: Entries, report: Report) -> None:
    given = node.entries
    protocol = node.text("protocol")
    if protocol and _without_ports(protocol):
        what = f"{_NUMBERS.get(protocol, protocol)} has no ports to forward"
        fix = f"protocol: {_WITH_PORTS}; a floating IP with `port:` gets every protocol"
        report(given["protocol"].value.place, what, fix)
    found = list(_ranges(given["ports"].value)) if "ports" in given else []
    if "ports" in given and isinstance(given["ports"].value, Items) and not given["ports"].value.items:
        report(given["ports"].place, "ports says none", "a port or a range, such as 8000-8100")
    to = node.text("to")
    if to is not None:
        _shifted(given["to"].value.place, to, found, report)


def _without_ports(protocol: str) -> bool:
    """Not of a word that is no protocol at all: the type says so."""
    number = PROTOCOLS.get(protocol, int(protocol) if protocol.isdecimal() and len(protocol) <= 3 else None)
    return number is not None and number <= 255 and number not in WITH_PORTS


def _ranges(node: Node) -> Iterator[tuple[int, int]]:
    for item in node.items if isinstance(node, Items) else (node,):
        if isinstance(item, Scalar):
            try:
                yield read_ports(item.text)
            except Malformed:  # the type says so
                continue


def _shifted(place: Place, to: str, ranges: list[tuple[int, int]], report: Report) -> None:
    try:
        low, high = read_ports(to)
    except Malformed:
        return
    if len(ranges) > 1:
        report(place, "to beside several ports: it says nothing of which", "an entry of forward for each")
    for first, last in ranges[:1]:
        if high - low not in (0, last - first):
            fix = f"to: {low}, or to: {low}-{low + last - first}"
            report(place, f"{last - first + 1} ports cannot go to {high - low + 1}", fix)
        elif last - first >= MOST_SHIFTED:
            what = f"{last - first + 1:,} ports cannot get other numbers"
            report(place, what, f"at most {MOST_SHIFTED:,}, or leave `to` out: they keep theirs")


FLOATING_CHECKS: Mapping[type[Any], Callable[[Entries, Report], None]] = {
    FloatingIp: _floating_ip,
    Forward: _forward,
}
