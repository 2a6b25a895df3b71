"""Entries of connection tracking, and what bars a connection."""

from __future__ import annotations

from ipaddress import ip_address
from struct import pack

import pytest

from weft.wire.conntrack import ID, STATUS, TIMEOUT, TUPLE_ORIG, TUPLE_REPLY, ZONE, attributes_of, read_entry

NESTED = 0x8000


def attribute(kind: int, value: bytes) -> bytes:
    return pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def ends(source: str, target: str, protocol: int, sport: int, dport: int) -> bytes:
    at = (3, 4) if ":" in source else (1, 2)
    ip = b"".join(attribute(kind, ip_address(one).packed) for kind, one in zip(at, (source, target), strict=True))
    ports = attribute(2, pack("!H", sport)) + attribute(3, pack("!H", dport))
    return attribute(1 | NESTED, ip) + attribute(2 | NESTED, attribute(1, bytes([protocol])) + ports)


def entry(protocol: int, status: int = 8, *, family: int = 4) -> bytes:
    a, b = ("10.0.0.1", "10.0.0.2") if family == 4 else ("fd00::1", "fd00::2")
    return (
        attribute(TUPLE_ORIG | NESTED, ends(a, b, protocol, 4000, 80))
        + attribute(TUPLE_REPLY | NESTED, ends(b, a, protocol, 80, 4000))
        + attribute(STATUS, pack("!I", status))
        + attribute(ZONE, pack("!H", 7))
        + attribute(ID, b"\1\2\3\4")
    )


@pytest.mark.parametrize(("family", "nobody"), [(4, "255.0.0.1"), (6, "ff00::1")])
@pytest.mark.parametrize("protocol", [6, 17])
def test_a_bar_has_the_first_direction_and_an_answer_that_nobody_gives(protocol: int, family: int, nobody: str) -> None:
    found = read_entry(entry(protocol, family=family))
    assert found is not None and not found.barred
    made, there = attributes_of(found.bar), attributes_of(entry(protocol, family=family))
    assert made[TUPLE_ORIG] == there[TUPLE_ORIG] and made[ZONE] == there[ZONE] and ID not in made
    assert made[TUPLE_REPLY] == ends(found.target, nobody, protocol, 80, 4000)
    assert int.from_bytes(made[TIMEOUT]) > 924, "longer than TCP tries"
    barred = read_entry(found.bar + attribute(ID, b"\0\0\0\1"))
    assert barred is not None and barred.barred
    assert attributes_of(found.turned) == {TUPLE_ORIG: there[TUPLE_REPLY], ZONE: there[ZONE]}


def test_of_what_begins_with_its_first_packet_alone_there_is_no_bar() -> None:
    found = read_entry(entry(132))
    assert found is not None and (found.bar, found.turned) == (b"", b"")
