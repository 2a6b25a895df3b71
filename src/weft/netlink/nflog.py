"""Listening to what rules of a namespace tell by nflog.

Rules: a group of a namespace has one listener. A socket pins its namespace, so whoever keeps one looks whether the name
still means the same. What is not taken in time the kernel drops, and says so. It imports little, for the recorder
stays. Source: linux/netfilter/nfnetlink_log.h, netlink(7).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from errno import ENOBUFS

from weft.wire.netfilter import NETLINK_NETFILTER
from weft.wire.nflog import Heard, bind, read

_BUFFER_BYTES = 1 << 18
_MOST_BYTES = 1 << 16
_SIOCGIFNAME = 0x8910
_SO_RCVBUFFORCE = 33


class Missed(Exception):
    """The kernel had more to tell than was taken."""


class Listener:
    """Of the namespace that the thread is in when this is made. Raises: OSError: EPERM where somebody else listens,
    or without the right, others where the kernel has no nfnetlink_log."""

    def __init__(self, group: int, snaplen_bytes: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        self._names: dict[int, str] = {}
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
            self._socket.send(bind(group, snaplen_bytes))
            for _ in read(self._socket.recv(_MOST_BYTES)):
                pass
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def take(self) -> Iterator[Heard]:
        """What has come. Raises: Missed."""
        try:
            data = self._socket.recv(_MOST_BYTES)
        except BlockingIOError:
            return
        except OSError as failure:
            if failure.errno != ENOBUFS:
                raise
            raise Missed from failure
        yield from read(data)

    def ifname(self, ifindex: int) -> str:
        """The name of a link there, "" for one that is gone. A number is never used again for another."""
        if ifindex and ifindex not in self._names:
            self._names[ifindex] = self._ask_name(ifindex)
        return self._names.get(ifindex, "")

    def forget_names(self) -> None:
        """Links may be renamed."""
        self._names.clear()

    def _ask_name(self, ifindex: int) -> str:
        request = struct.pack("=16si20x", b"", ifindex)
        try:
            answer = fcntl.ioctl(self._socket.fileno(), _SIOCGIFNAME, request)
        except OSError:
            return ""
        return os.fsdecode(answer[:16].rstrip(b"\0"))
