"""A guest whose network card is a tap of the host's, as a virtual machine's, and whose stack is the kernel's: a
namespace with a tap of its own, and a thread that carries frames between the two as a hypervisor would."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
from typing import Any

from tests.world import World

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
NIC = "eth0"


class LinkedGuest:
    """Use as a context manager. `netns`: where its stack is; its card is `eth0` there, with the MAC `mac`."""

    def __init__(self, world: World, tap: str, netns: str, mac: str) -> None:
        self._world, self._netns = world, netns
        world.run("ip", "netns", "add", netns)
        world.run("ip", "link", "set", "lo", "up", netns=netns)
        with world.inside():
            self._tap, self._card = _open(tap), _open(f"n{netns}"[:15])
        world.run("ip", "link", "set", f"n{netns}"[:15], "name", NIC, "address", mac, "netns", netns)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> LinkedGuest:
        self._thread.start()
        self._world.run("ip", "link", "set", NIC, "up", netns=self._netns)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopped)
        self._thread.join()
        for fd in (self._tap, self._card, self._stop):
            os.close(fd)

    def addresses(self) -> dict[str, dict[str, Any]]:
        """Its global IPv6 addresses, with what ip tells of each."""
        (link,) = self._world.json("ip", "-j", "-6", "addr", "show", "dev", NIC, netns=self._netns)
        return {held["local"]: held for held in link["addr_info"] if held["scope"] == "global"}

    def default_routes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._world.json("ip", "-j", "-6", "route", "show", "default", netns=self._netns)
        return found

    def _carry(self) -> None:
        other = {self._tap: self._card, self._card: self._tap}
        while True:
            ready, _, _ = select.select([self._tap, self._card, self._stop], [], [])
            if self._stop in ready:
                return
            for fd in ready:
                frame = os.read(fd, 65536)
                try:
                    os.write(other[fd], frame)
                except OSError:  # it is down
                    continue


def _open(ifname: str) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("=16sH22x", ifname.encode(), flags))
    return fd
