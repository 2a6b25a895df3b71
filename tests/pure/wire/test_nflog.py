"""nfnetlink_log: what is read of messages, whole, cut, and of any bytes at all."""

from __future__ import annotations

import struct
from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.kernel.groups import frames as f
from weft.wire.nflog import ARP, IPV4, IPV6, Heard, bind, read

ME, YOU = "02:00:00:00:00:01", "02:00:00:00:00:02"


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def message(frame: bytes, ethertype: int, cut: int = 128) -> bytes:
    """As the kernel tells of a frame that crosses a bridge."""
    index = struct.Struct(">I").pack
    said = [(1, struct.pack(">HBx", ethertype, 2)), (10, b"weft ingress drop lab shop/web\0"), (4, index(3)),
            (6, index(7)), (5, index(3)), (7, index(9)), (21, frame[:14]), (9, frame[14 : 14 + cut])]  # fmt: skip
    body = struct.pack(">BBH", 7, 0, 30565) + b"".join(attribute(kind, value) for kind, value in said)
    return struct.pack("=IHHII", 16 + len(body), 4 << 8, 0, 0, 0) + body


def heard(frame: bytes, ethertype: int, cut: int = 128) -> Heard:
    (one,) = read(message(frame, ethertype, cut))
    return one


TCP = struct.pack("!HH", 40000, 443) + bytes(16)
CASES = {
    "ipv4": (f.ipv4(ME, "10.0.0.1", "10.0.0.2", TCP, 6, to=YOU), IPV4, (6, "10.0.0.1", "10.0.0.2", 40000, 443)),
    "ipv6": (f.ipv6(ME, "fd00::1", "fd00::2", TCP, 6, to=YOU), IPV6, (6, "fd00::1", "fd00::2", 40000, 443)),
    "options": (
        f.ipv6(ME, "fd00::1", "fd00::2", f.with_options(6, TCP), f.OPTIONS, to=YOU),
        IPV6,
        (6, "fd00::1", "fd00::2", 40000, 443),
    ),
    "fragment": (
        f.ipv6(ME, "fd00::1", "fd00::2", f.fragment(6, 8, False, TCP), f.FRAGMENT, to=YOU),
        IPV6,
        (6, "fd00::1", "fd00::2", 0, 0),
    ),
    "icmp": (f.ipv4(ME, "10.0.0.1", "10.0.0.2", bytes([3, 4]), 1, to=YOU), IPV4, (1, "10.0.0.1", "10.0.0.2", 3, 4)),
    "arp": (f.arp(ME, ME, "10.0.0.1", "10.0.0.2", "x", 1), ARP, (0, "10.0.0.1", "10.0.0.2", 1, 0)),
    "other": (f.ethernet(ME, YOU, 0x88CC, b"lldp"), 0x88CC, (0, "", "", 0, 0)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_frame_as_a_bridge_tells_of_it(case: str) -> None:
    frame, ethertype, said = CASES[case]
    one = heard(frame, ethertype)
    source, target = (str(ip_address(packed)) if packed else "" for packed in (one.source, one.target))
    assert (one.protocol, source, target, one.sport, one.dport) == said
    assert (one.came, one.goes, one.ethertype) == (7, 9, ethertype)
    assert one.prefix == "weft ingress drop lab shop/web"
    assert one.source_mac.hex(":") == ME


@given(data=st.binary(max_size=300))
@example(data=bytes(16))
def test_any_bytes_are_read_or_refused_and_end(data: bytes) -> None:
    with suppress(OSError):
        list(read(data))


@given(case=st.sampled_from(sorted(CASES)), cut=st.integers(0, 60))
def test_a_packet_cut_anywhere_is_told_as_far_as_it_goes(case: str, cut: int) -> None:
    frame, ethertype, said = CASES[case]
    one = heard(frame, ethertype, cut)
    assert one.protocol in (0, said[0], 60, 44) and one.ethertype == ethertype


def test_a_refusal_is_raised() -> None:
    refused = struct.pack("=IHHIIi", 20, 2, 0, 0, 0, -16)
    with pytest.raises(OSError, match="nfnetlink_log"):
        list(read(refused))
    assert bind(30565, 128)[:4] == struct.pack("=I", 28)
