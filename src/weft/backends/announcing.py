"""Tells links which addresses are at them now, by sockets of its own.

Rules: a courtesy to whoever remembers another MAC: what cannot be sent (a link that is down, or no Ethernet, one
without an IPv6 address of its own) is left out, and the kernel's answers to those who ask do the rest. Source:
packet(7), ipv6(7), raw(7).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from weft.backends.visit import visiting
from weft.netlink import doors
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.wire.announcement import ALL_NODES, ARPHRD_ETHER, HOPS, gratuitous_arps, unsolicited_advertisement


class At(NamedTuple):
    """An address without prefix length, and the link that it is at."""

    ifname: str
    address: str


class Announcing:
    """Announcements in any namespace."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces

    def announce(self, netns: str, addresses: Iterable[At]) -> int:
        """Tell of each, and say of how many it could be told. Raises: NotPermitted."""
        told = 0
        with suppress(NamespaceGone), visiting(self._namespaces, netns):
            for one in addresses:
                with suppress(OSError):
                    told += _tell(one)
        return told


def _tell(one: At) -> bool:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as sock:
        sock.bind((one.ifname, 0))
        *_, hardware, mac = sock.getsockname()
        if hardware != ARPHRD_ETHER:
            return False
        if ":" not in one.address:
            for frame in gratuitous_arps(one.address, mac):
                doors.tell(sock, frame)
            return True
    _advertise(one, mac)
    return True


def _advertise(one: At, mac: bytes) -> None:
    """By the kernel's IPv6, which knows the link's own address and the checksum."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6) as sock:
        index = socket.if_nametoindex(one.ifname)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        sock.connect((ALL_NODES, 0, 0, index))
        doors.tell(sock, unsolicited_advertisement(one.address, mac))
