"""Taps, which the kernel makes through /dev/net/tun only.

Rules: a tap is made to last as the very last step; before it, it goes with its file descriptor, so that a kill on the
way leaves nothing. Source: Documentation/networking/tuntap.rst, linux/if_tun.h.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import pack

from weft.netlink import doors

_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
_TUNSETGROUP, _TUNSETIFINDEX = 0x400454CE, 0x400454DA


def make_tap(
    ifname: str, index: int, flags: int, owner: int | None, group: int | None, dress: Callable[[], None]
) -> None:
    """Make a lasting tap in the calling thread's namespace; `dress` gives it its attributes. `flags`: IFF_*.

    Raises: OSError, and what `dress` raises; then there is no tap.
    """
    fd = doors.open_tun()
    try:
        doors.ioctl(fd, _TUNSETIFINDEX, pack("=I", index))
        doors.ioctl(fd, _TUNSETIFF, pack("=16sH22x", ifname.encode(), flags))
        if owner is not None:
            doors.ioctl(fd, _TUNSETOWNER, owner)
        if group is not None:
            doors.ioctl(fd, _TUNSETGROUP, group)
        dress()
        doors.ioctl(fd, _TUNSETPERSIST, 1)
    finally:
        os.close(fd)
