"""A tap held open by this process, as a virtual machine would hold it, and frames through it."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import time
from ipaddress import IPv4Address

from tests.world import World

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
_VNET_HDR = bytes(10)
_ARP = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETH_ARP, _ETH_IP, _ETHERNET, _REQUEST, _REPLY = 0x0806, 0x0800, 1, 1, 2


class HeldTap:
    """The guest's end of a tap of the world's host. `mac` and `address` are the guest's."""

    def __init__(self, world: World, ifname: str, mac: str, address: str) -> None:
        self._mac = bytes.fromhex(mac.replace(":", ""))
        self._address = IPv4Address(address).packed
        with world.inside():
            self._fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
            fcntl.ioctl(self._fd, _TUNSETIFF, struct.pack("=16sH22x", ifname.encode(), flags))

    def close(self) -> None:
        os.close(self._fd)

    def reaches(self, address: str, wait_s: float = 3) -> bool:
        """Does somebody on the network answer an ARP request for `address`?"""
        target = IPv4Address(address).packed
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            self._send(target)
            if self._hears(target, time.monotonic() + 0.1):
                return True
        return False

    def _send(self, target: bytes) -> None:
        everyone, nobody = b"\xff" * 6, bytes(6)
        frame = _ARP.pack(
            everyone, self._mac, _ETH_ARP, _ETHERNET, _ETH_IP, 6, 4, _REQUEST, self._mac, self._address, nobody, target
        )
        os.write(self._fd, _VNET_HDR + frame)

    def _hears(self, target: bytes, until: float) -> bool:
        while select.select([self._fd], [], [], max(0, until - time.monotonic()))[0]:
            frame = os.read(self._fd, 65536)[len(_VNET_HDR) :]
            if len(frame) >= _ARP.size and frame[12:14] == b"\x08\x06":
                _, _, _, _, _, _, _, operation, _, sender, *_ = _ARP.unpack_from(frame)
                if operation == _REPLY and sender == target:
                    return True
        return False
