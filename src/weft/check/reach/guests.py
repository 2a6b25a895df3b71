"""Whether somebody has opened a tap. Source: netdevice(7) SIOCGIFFLAGS, drivers/net/tun.c (its carrier)."""

from __future__ import annotations

import fcntl
import socket
from struct import pack, unpack_from

_SIOCGIFFLAGS = 0x8913
_IFF_RUNNING = 0x40
_IFREQ_BYTES = 40


def is_open(ifname: str) -> bool | None:
    """Of a tap where the calling thread is; None where there is no such link."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, pack(f"16s{_IFREQ_BYTES - 16}x", ifname.encode()))
        except OSError:
            return None
    (flags,) = unpack_from("=H", answer, 16)
    return bool(flags & _IFF_RUNNING)
