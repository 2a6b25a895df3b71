"""Whether somebody has opened a tap. Source: ethtool ETHTOOL_GLINK (linux/ethtool.h), drivers/net/tun.c (its carrier).

Rules: the carrier itself is asked for. What SIOCGIFFLAGS says of it follows up to a second later. Source:
net/core/link_watch.c.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
from struct import pack

_SIOCETHTOOL, _ETHTOOL_GLINK = 0x8946, 0x0A


def is_open(ifname: str) -> bool | None:
    """Of a tap where the calling thread is; None where there is no such link."""
    asked = (ctypes.c_uint32 * 2)(_ETHTOOL_GLINK, 0)
    request = pack("16sP16x", ifname.encode(), ctypes.addressof(asked))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            fcntl.ioctl(asking, _SIOCETHTOOL, request)
        except OSError:
            return None
    return bool(asked[1])
