"""What is behind a tap in the place of a virtual machine: opens it, and answers ARP, NDP and pings in both families.

Rules: it stands alone and knows nothing of weft; addresses and MAC are those of demo/lab.yaml.
Source: linux/if_tun.h, virtio_net.h; RFC 826, 792, 4443, 4861.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from ipaddress import IPv4Address, IPv6Address

MAC = bytes.fromhex("525400000020")
IPV4 = IPv4Address("10.0.0.20").packed
IPV6 = IPv6Address("fd00::20").packed

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
VNET_HEADER = bytes(10)
ARP, IP, IP6 = b"\x08\x06", b"\x08\x00", b"\x86\xdd"
ECHO, ECHO_REPLY, ECHO6, ECHO6_REPLY, SOLICIT, ADVERTISE = 8, 0, 128, 129, 135, 136
SOLICITED_OVERRIDE = 0x60000000


def checksum(data: bytes) -> bytes:
    """The internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def answer(frame: bytes) -> bytes | None:
    """The frame that answers this one, None where nothing is to be said."""
    source, kind, body = frame[6:12], frame[12:14], frame[14:]
    reply = {ARP: answer_arp, IP: answer_ipv4, IP6: answer_ipv6}.get(kind, lambda _: None)(body)
    return None if reply is None else source + MAC + kind + reply


def answer_arp(body: bytes) -> bytes | None:
    is_request, sender, target = body[6:8] == b"\x00\x01", body[8:18], body[24:28]
    if not is_request or target != IPV4:
        return None
    return body[:6] + b"\x00\x02" + MAC + IPV4 + sender


def answer_ipv4(body: bytes) -> bytes | None:
    header, message = body[:20], body[20 : int.from_bytes(body[2:4], "big")]
    if header[9] != 1 or header[16:20] != IPV4 or message[0] != ECHO:
        return None
    reply = bytes([ECHO_REPLY, 0]) + checksum(bytes([ECHO_REPLY, 0, 0, 0]) + message[4:]) + message[4:]
    return header[:12] + header[16:20] + header[12:16] + reply  # the sum stays: the two addresses only change places


def answer_ipv6(body: bytes) -> bytes | None:
    source, message = body[8:24], body[40 : 40 + int.from_bytes(body[4:6], "big")]
    if body[6] != 58:
        return None
    if message[0] == SOLICIT and message[8:24] == IPV6:
        return icmpv6(source, ADVERTISE, struct.pack("!I", SOLICITED_OVERRIDE) + IPV6 + b"\x02\x01" + MAC)
    if message[0] == ECHO6 and body[24:40] == IPV6:
        return icmpv6(source, ECHO6_REPLY, message[4:])
    return None


def icmpv6(to: bytes, kind: int, rest: bytes) -> bytes:
    """A whole packet from this guest. Source: RFC 8200 section 8.1 (the pseudo-header)."""
    length = struct.pack("!I", 4 + len(rest))
    total = checksum(IPV6 + to + length + b"\0\0\0\x3a" + bytes([kind, 0, 0, 0]) + rest)
    return b"\x60\0\0\0" + length[2:] + b"\x3a\xff" + IPV6 + to + bytes([kind, 0]) + total + rest


def main(ifname: str) -> None:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", ifname.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    print(f"has opened {ifname} and answers", flush=True)
    while True:
        reply = answer(os.read(tap, 65536)[len(VNET_HEADER) :])
        if reply is not None:
            os.write(tap, VNET_HEADER + reply)


if __name__ == "__main__":
    main(sys.argv[1])
