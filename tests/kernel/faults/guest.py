"""A virtual machine's network card: opens a macvtap's device file and answers ARP and ping. `DEVICE MAC ADDRESS`."""

from __future__ import annotations

import os
import sys
from ipaddress import IPv4Address

VNET_HDR = 10
"""Bytes before each frame: a macvtap has IFF_VNET_HDR unless its opener says otherwise. Source: drivers/net/tap.c."""


def main(device: str, mac: str, address: str) -> None:
    own, mine = bytes.fromhex(mac.replace(":", "")), IPv4Address(address).packed
    fd = os.open(device, os.O_RDWR)
    while True:
        frame = bytearray(os.read(fd, 65536)[VNET_HDR:])
        answer = arp(frame, own, mine) or echo(frame, own, mine)
        if answer:
            os.write(fd, bytes(VNET_HDR) + answer)


def arp(frame: bytearray, own: bytes, mine: bytes) -> bytes:
    if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\x00\x01" or frame[38:42] != mine:
        return b""
    asker, asked_by = bytes(frame[22:28]), bytes(frame[28:32])
    return asker + own + bytes(frame[12:20]) + b"\x00\x02" + own + mine + asker + asked_by


def echo(frame: bytearray, own: bytes, mine: bytes) -> bytes:
    """Swapping the addresses leaves the IP checksum as it is; that of ICMP grows by what the type loses."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 1 or frame[30:34] != mine or frame[34] != 8:
        return b""
    checksum = int.from_bytes(frame[36:38], "big") + 0x0800
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    head = bytes(frame[6:12]) + own + bytes(frame[12:26]) + mine + bytes(frame[26:30])
    return head + b"\x00\x00" + checksum.to_bytes(2, "big") + bytes(frame[38:])


if __name__ == "__main__":
    main(*sys.argv[1:])
