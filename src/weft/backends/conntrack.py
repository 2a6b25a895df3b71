"""Connections that a namespace follows: listed, and ended by being forgotten.

Rules: an entry is ended by the very tuple and zone that it was listed with. One that has ended meanwhile is no error. A
kernel without ctnetlink, or a namespace that is gone, has none. Source: linux/netfilter/nfnetlink_conntrack.h,
net/netfilter/nf_conntrack_netlink.c.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from errno import ENOENT, EPERM, ESTALE

from weft.backends.nft_dump import NETLINK_NETFILTER, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR
from weft.backends.visit import visiting
from weft.errors import KernelRefused, NotPermitted
from weft.netlink import doors
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.reach.connection import Connection
from weft.wire.conntrack import HEADER, read_entry

_SUBSYSTEM = 1
"""NFNL_SUBSYS_CTNETLINK."""
_GET, _DELETE = 1, 2
_ACK = 4
"""linux/netlink.h NLM_F_ACK."""
_GENERATION = struct.Struct("=BBH")
_CHUNK = 64
"""Entries ended at once: their acknowledgements must fit the socket's buffer."""


class Conntrack:
    """The connections of any namespace."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces

    def connections(self, netns: str) -> list[Connection]:
        """All that the namespace follows. Raises: NotPermitted."""
        try:
            with visiting(self._namespaces, netns), _opened() as sock:
                return list(_dump(sock))
        except NamespaceGone:
            return []

    def end(self, netns: str, connections: Iterable[Connection]) -> int:
        """Forget them, and say how many were still there. Raises: KernelRefused, NotPermitted."""
        waiting, ended = list(connections), 0
        try:
            with visiting(self._namespaces, netns), _opened() as sock:
                for at in range(0, len(waiting), _CHUNK):
                    ended += _end(sock, waiting[at : at + _CHUNK])
        except NamespaceGone:
            pass
        return ended


def _opened() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)


def _message(kind: int, flags: int, number: int, family: int, body: bytes) -> bytes:
    payload = _GENERATION.pack(family, 0, 0) + body
    return HEADER.pack(HEADER.size + len(payload), _SUBSYSTEM << 8 | kind, flags, number, 0) + payload


def _dump(sock: socket.socket) -> Iterator[Connection]:
    sock.send(_message(_GET, NLM_F_REQUEST | NLM_F_DUMP, 1, socket.AF_UNSPEC, b""))
    while True:
        for kind, _, body in _messages(sock.recv(1 << 17)):
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                if _error(body) == EPERM:
                    raise NotPermitted("listing connections needs CAP_NET_ADMIN")
                return  # this kernel has none to list
            found = read_entry(body[_GENERATION.size :])
            if found is not None:
                yield Connection(**found._asdict())


def _end(sock: socket.socket, connections: list[Connection]) -> int:
    doors.send(
        sock,
        b"".join(
            _message(_DELETE, NLM_F_REQUEST | _ACK, number, one.family, one.raw)
            for number, one in enumerate(connections, 1)
        ),
    )
    ended = answered = 0
    while answered < len(connections):
        for kind, _, body in _messages(sock.recv(1 << 17)):
            if kind != NLMSG_ERROR:
                continue
            answered += 1
            error = _error(body)
            if error not in (0, ENOENT, ESTALE):
                raise KernelRefused("ending a connection", error, "")
            ended += error == 0
    return ended


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, flags, _, _ = HEADER.unpack_from(data, at)
        yield kind, flags, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def _error(body: bytes) -> int:
    (number,) = struct.unpack_from("=i", body)
    return -int(number)
